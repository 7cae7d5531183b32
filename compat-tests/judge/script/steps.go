package script

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/transcript"
	"github.com/clatterhq/clatter/compat-tests/rawconn"
)

// Answers that are no message.
const (
	answerClosed  = "closed"
	answerTimeout = "timeout"
	answerNone    = "none"
)

func (a Ask) run(r *Run) error {
	req := r.build(a.Build)
	note := Exchange{Request: requestText(r, a, req)}
	if a.Until == nil {
		answer, _, err := r.ask(a, req)
		note.Answer = answer
		r.notes = append(r.notes, note)
		return err
	}
	err := r.Poll(func() (bool, error) {
		answer, resp, err := r.ask(a, r.build(a.Build))
		note.Answer = answer
		return resp == nil || err != nil || a.Until(resp), err
	})
	r.notes = append(r.notes, note)
	return err
}

// ask sends and reads once. Only what prevents asking is an error; whatever the broker does is an answer.
func (r *Run) ask(a Ask, req kmsg.Request) (string, kmsg.Response, error) {
	c, err := r.connection(a.Conn)
	if err != nil {
		return "", nil, err
	}
	if c.dead != "" {
		return c.dead, nil, nil
	}
	client := a.ClientID
	if client == nil {
		client = &defaultClient
	}
	due := pending{req: req, id: c.NextCorrelationID(), sent: time.Now()}
	if err := c.WriteFrame(rawconn.Frame(req, due.id, client)); err != nil {
		return r.fail(c, err), nil, nil
	}
	switch {
	case a.Silent:
		return answerNone, nil, nil
	case a.Send:
		c.pending = append(c.pending, due)
		return "sent", nil, nil
	}
	answer, resp := r.receive(c, due)
	return answer, resp, nil
}

// receive reads the answer that is due next on a connection.
func (r *Run) receive(c *conn, due pending) (string, kmsg.Response) {
	answer, resp := r.read(c, due.req.ResponseKind(), due.req.GetVersion(), due.id, rawconn.FlexibleHeader(due.req))
	if resp == nil {
		return answer, nil
	}
	oddities := []string{}
	if answer != "" {
		oddities = append(oddities, answer)
	}
	if waited(due) {
		oddities = append(oddities, "waited")
	}
	dropForeign(r.Symbols.Prefix, reflect.ValueOf(resp))
	return transcript.Response(&r.Symbols, resp).String() + extra(strings.Join(oddities, ", ")), resp
}

// longWait is the least time limit of a fetch, in milliseconds, at which an answer is said to have waited for it. Shorter waits can't be
// told from a slow machine.
const longWait = 5000

// waited says whether the answer to a fetch came only when its time was over.
func waited(due pending) bool {
	req, ok := due.req.(*kmsg.FetchRequest)
	return ok && req.MaxWaitMillis >= longWait && time.Since(due.sent) > time.Duration(req.MaxWaitMillis)*time.Millisecond*9/10
}

func (s Receive) run(r *Run) error {
	c, err := r.connection(s.Conn)
	if err != nil {
		return err
	}
	note := Exchange{Request: fmt.Sprintf("%sreceive", connText(s.Conn))}
	switch {
	case len(c.pending) == 0:
		return errors.New("receive without send")
	case c.dead != "":
		note.Answer = c.dead
	default:
		p := c.pending[0]
		c.pending = c.pending[1:]
		note.Answer, _ = r.receive(c, p)
	}
	r.notes = append(r.notes, note)
	return nil
}

func (s Raw) run(r *Run) error {
	c, err := r.connection(s.Conn)
	if err != nil {
		return err
	}
	note := Exchange{Request: connText(s.Conn) + "raw " + s.What}
	if c.dead != "" {
		note.Answer = c.dead
		r.notes = append(r.notes, note)
		return nil
	}
	id := c.NextCorrelationID()
	frame := s.Build(r, id)
	if !s.Unsized {
		frame = append(binary.BigEndian.AppendUint32(nil, uint32(len(frame))), frame...)
	}
	if err := c.Write(frame); err != nil {
		note.Answer = r.fail(c, err)
	} else if s.Answer == nil {
		note.Answer = r.readClosed(c)
	} else {
		resp := reflect.New(reflect.TypeOf(s.Answer).Elem()).Interface().(kmsg.Response) //nolint:forcetypeassert // It is the type that it was made from.
		answer, got := r.read(c, resp, s.Answer.GetVersion(), id, s.Header)
		if got != nil {
			dropForeign(r.Symbols.Prefix, reflect.ValueOf(got))
			answer = transcript.Response(&r.Symbols, got).String() + extra(answer)
		}
		note.Answer = answer
	}
	r.notes = append(r.notes, note)
	return nil
}

// read reads and decodes one answer. Where a message came, the text is empty or says what is odd about its encoding.
func (r *Run) read(c *conn, resp kmsg.Response, version int16, id int32, flexible bool) (string, kmsg.Response) {
	frame, err := c.ReadFrame(answerTimeLimit)
	if err != nil {
		return r.fail(c, err), nil
	}
	body, err := rawconn.Body(frame, id, flexible)
	if err != nil {
		return r.fail(c, err), nil
	}
	resp.SetVersion(version)
	if err := resp.ReadFrom(body); err != nil {
		return r.fail(c, fmt.Errorf("%w: %w: %s", rawconn.ErrFrame, err, transcript.Hex(body))), nil
	}
	r.Symbols.Learn(resp)
	if !transcript.Canonical(resp, body) {
		return "not canonical", resp
	}
	return "", resp
}

// readClosed expects the end of the connection.
func (r *Run) readClosed(c *conn) string {
	frame, err := c.ReadFrame(answerTimeLimit)
	if err != nil {
		return r.fail(c, err)
	}
	return "bytes " + transcript.Hex(frame)
}

// fail turns a connection's end into an answer; the connection is not used again.
func (*Run) fail(c *conn, err error) string {
	switch {
	case errors.Is(err, rawconn.ErrClosed):
		c.dead = answerClosed
	case errors.Is(err, rawconn.ErrTimeout):
		c.dead = answerTimeout
	default:
		c.dead = "malformed " + strconv.Quote(err.Error())
	}
	return c.dead
}

func extra(oddity string) string {
	if oddity == "" {
		return ""
	}
	return "\n! " + oddity
}

func connText(number int) string {
	if number == 0 {
		return ""
	}
	return fmt.Sprintf("#%d ", number)
}

func requestText(r *Run, a Ask, req kmsg.Request) string {
	var b strings.Builder
	b.WriteString(connText(a.Conn))
	if a.ClientID != nil {
		fmt.Fprintf(&b, "client=%q ", *a.ClientID)
	}
	fmt.Fprintf(&b, "%s v%d %s", kmsg.NameForKey(req.Key()), req.GetVersion(), transcript.Request(&r.Symbols, req))
	return b.String()
}

// foreign matches the topics, groups and transactions of other cases, which share the broker.
var foreign = regexp.MustCompile(`^c\d{4}-`)

// isForeign says whether an element of an answer's array belongs to another case. Where all groups are listed that is every group
// which does not bear the case's own prefix.
func isForeign(prefix string, element reflect.Value) bool {
	name := nameOf(element)
	if strings.HasPrefix(name, prefix) {
		return false
	}
	return foreign.MatchString(name) || element.Type().Name() == "ListGroupsResponseGroup"
}

// dropForeign removes the topics, groups and transactions of other cases from an answer that lists all of them.
func dropForeign(prefix string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			dropForeign(prefix, v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				dropForeign(prefix, v.Field(i))
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Struct {
			return
		}
		kept := v.Slice(0, 0)
		for i := range v.Len() {
			if isForeign(prefix, v.Index(i)) {
				continue
			}
			dropForeign(prefix, v.Index(i))
			kept = reflect.Append(kept, v.Index(i))
		}
		if kept.Len() != v.Len() {
			v.Set(kept)
		}
	default:
	}
}

// nameOf is the name of the topic, group or transaction that a struct is about, empty where it is about none of them.
func nameOf(v reflect.Value) string {
	for _, name := range []string{"Topic", "Name", "Group", "TransactionalID"} {
		f := v.FieldByName(name)
		if !f.IsValid() {
			continue
		}
		if f.Kind() == reflect.Pointer && !f.IsNil() {
			f = f.Elem()
		}
		if f.Kind() == reflect.String {
			return f.String()
		}
	}
	return ""
}
