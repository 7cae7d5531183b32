package transcript

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Symbols knows what in one conversation must differ from the same conversation with another broker, and the
// symbol that stands for it. It belongs to one conversation.
type Symbols struct {
	Prefix string    // Of the conversation's topic names; cut out of every string.
	Host   string    // The broker's address as a client was told to use it.
	Port   int       // Its port.
	Dir    string    // The broker's directory, shown as <dir>.
	T0     time.Time // Timestamps around it show as T0+n (milliseconds).

	topics    map[[16]byte]string // Name by topic id.
	ids       map[string][16]byte // Topic id by name; the newest.
	producers []int64             // In order of their appearance.
	sessions  []int32
	members   []string                   // Ids of members of groups that the broker made, in order of their appearance.
	sent      map[[sha256.Size]byte]bool // Record sections of batches that were sent.
}

// t0Range is how far from T0 a timestamp may be to be shown relative to it; nowRange likewise for the present.
const (
	t0Range  = 20 * 24 * time.Hour
	nowRange = 10 * time.Minute
)

// LearnTopic notes the id of a topic, by its name without prefix.
func (s *Symbols) LearnTopic(name string, id [16]byte) {
	if id == ([16]byte{}) {
		return
	}
	if s.topics == nil {
		s.topics, s.ids = map[[16]byte]string{}, map[string][16]byte{}
	}
	name = strings.TrimPrefix(name, s.Prefix)
	if old, ok := s.ids[name]; ok && old != id {
		// A topic that was deleted and created again: the newest bears the name.
		s.topics[old] = name + ",deleted"
	}
	s.topics[id], s.ids[name] = name, id
}

// TopicID returns the id that was learned for a topic, zero where none was.
func (s *Symbols) TopicID(name string) [16]byte { return s.ids[name] }

// LearnProducer notes a producer id that the broker gave.
func (s *Symbols) LearnProducer(id int64) {
	if id >= 0 && s.producer(id) == 0 {
		s.producers = append(s.producers, id)
	}
}

// Producer returns the n-th producer id that the broker gave, counted from 1; -1 where it gave fewer.
func (s *Symbols) Producer(n int) int64 {
	if n < 1 || n > len(s.producers) {
		return -1
	}
	return s.producers[n-1]
}

func (s *Symbols) producer(id int64) int {
	for i, known := range s.producers {
		if known == id {
			return i + 1
		}
	}
	return 0
}

// LearnSession notes a fetch session id that the broker gave.
func (s *Symbols) LearnSession(id int32) {
	if id > 0 && s.session(id) == 0 {
		s.sessions = append(s.sessions, id)
	}
}

// Session returns the n-th fetch session id that the broker gave, counted from 1; -1 where it gave fewer.
func (s *Symbols) Session(n int) int32 {
	if n < 1 || n > len(s.sessions) {
		return -1
	}
	return s.sessions[n-1]
}

func (s *Symbols) session(id int32) int {
	for i, known := range s.sessions {
		if known == id {
			return i + 1
		}
	}
	return 0
}

// The forms of member ids that brokers make: a client's id or a static member's name and a UUID, or a UUID in base64.
var (
	uuidAtEnd  = regexp.MustCompile(`-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$`)
	anyUUID    = regexp.MustCompile(`\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`)
	base64UUID = regexp.MustCompile(`^[A-Za-z0-9_-]{22}$`)
)

// LearnMember notes the id that the broker gave to a member of a group.
func (s *Symbols) LearnMember(id string) {
	if (uuidAtEnd.MatchString(id) || base64UUID.MatchString(id)) && !slices.Contains(s.members, id) {
		s.members = append(s.members, id)
	}
}

// Member returns the newest id that the broker gave to a client or static member, by its name; name/1 is the first one, name/2 the second. Ids
// without a client's name belong to the empty name. Where there is none the result is empty.
func (s *Symbols) Member(name string) string {
	name, number, _ := strings.Cut(name, "/")
	var own []string
	for _, id := range s.members {
		client, _, _ := strings.Cut(id, uuidAtEnd.FindString(id))
		if base64UUID.MatchString(id) {
			client = ""
		}
		if client == name {
			own = append(own, id)
		}
	}
	n, err := strconv.Atoi(number)
	if err != nil {
		n = len(own)
	}
	if n < 1 || n > len(own) {
		return ""
	}
	return own[n-1]
}

// replaceMembers shows member ids as client-<member:n>.
func (s *Symbols) replaceMembers(value string) string {
	for i, id := range s.members {
		symbol := fmt.Sprintf("<member:%d>", i+1)
		if uuid := uuidAtEnd.FindStringSubmatch(id); uuid != nil {
			value = strings.ReplaceAll(value, uuid[1], symbol)
		} else {
			value = strings.ReplaceAll(value, id, symbol)
		}
	}
	return anyUUID.ReplaceAllString(value, "<member:?>")
}

// Learn collects the ids in a decoded answer: topics by name, producers, fetch sessions, members.
func (s *Symbols) Learn(m any) { s.learn(reflect.ValueOf(m)) }

func (s *Symbols) learn(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			s.learn(v.Elem())
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Struct {
			for i := range v.Len() {
				s.learn(v.Index(i))
			}
		}
	case reflect.Struct:
		s.learnFields(v)
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				s.learn(v.Field(i))
			}
		}
	default:
	}
}

func (s *Symbols) learnFields(v reflect.Value) {
	if id, ok := field[[16]byte](v, "TopicID"); ok {
		if name, ok := field[string](v, "Topic"); ok && name != "" {
			s.LearnTopic(name, id)
		} else if name, ok := field[*string](v, "Topic"); ok && name != nil {
			s.LearnTopic(*name, id)
		}
	}
	if name := v.Type().Name(); name == "InitProducerIDResponse" || name == "EndTxnResponse" {
		if id, ok := field[int64](v, "ProducerID"); ok {
			s.LearnProducer(id)
		}
	}
	switch v.Type().Name() {
	case "JoinGroupResponse":
		if id, ok := field[string](v, "MemberID"); ok {
			s.LearnMember(id)
		}
	case "ConsumerGroupHeartbeatResponse":
		if id, ok := field[*string](v, "MemberID"); ok && id != nil {
			s.LearnMember(*id)
		}
	default:
	}
	if strings.HasPrefix(v.Type().Name(), "FetchResponse") {
		if id, ok := field[int32](v, "SessionID"); ok {
			s.LearnSession(id)
		}
	}
}

// field returns the field of a struct if it exists and has type T.
func field[T any](v reflect.Value, name string) (T, bool) {
	var zero T
	f := v.FieldByName(name)
	if !f.IsValid() {
		return zero, false
	}
	value, ok := reflect.TypeAssert[T](f)
	return value, ok
}

// text replaces what is the broker's own in a string and quotes it.
func (s *Symbols) text(value string) string {
	if s.Prefix != "" {
		value = strings.ReplaceAll(value, s.Prefix, "")
	}
	if s.Dir != "" {
		value = strings.ReplaceAll(value, s.Dir, "<dir>")
	}
	if s.Port != 0 {
		value = strings.ReplaceAll(value, fmt.Sprintf("%s:%d", s.Host, s.Port), "<addr>")
	}
	value = otherAddr.ReplaceAllString(value, "<other-addr>")
	for id, name := range s.topics {
		value = strings.ReplaceAll(value, uuidText(id), "<id:"+name+">")
	}
	value = s.replaceMembers(value)
	for i, id := range s.producers {
		// Kafka names producers in messages only as "producer N" or "producerId N".
		value = regexp.MustCompile(`(producer(?:Id)? )`+strconv.FormatInt(id, 10)+`\b`).ReplaceAllString(value, fmt.Sprintf("${1}<pid:%d>", i+1))
	}
	value = bounds.ReplaceAllStringFunc(value, func(text string) string { return times.ReplaceAllStringFunc(text, bound) })
	value = times.ReplaceAllStringFunc(value, func(digits string) string {
		ms, err := strconv.ParseInt(digits, 10, 64)
		if err != nil {
			return digits
		}
		return s.timestamp(ms)
	})
	return strconv.Quote(value)
}

// otherAddr matches further listeners of the broker, for instance that of Kafka's controller.
var otherAddr = regexp.MustCompile(`\b127\.0\.0\.1:\d+`)

// times matches timestamps of this century in texts, and what Kafka makes of them by subtracting the largest number;
// bounds matches the range of timestamps that Kafka says it would have accepted.
var (
	times  = regexp.MustCompile(`\b1[5-9]\d{11}\b|-92233[67]\d{13}\b`)
	bounds = regexp.MustCompile(`within \[.*\]`)
)

// bound shows the end of a range that was computed from the present.
func bound(digits string) string {
	ms, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return digits
	}
	if ms < 0 {
		return "<now>-max" // The present minus the largest number: no lower bound.
	}
	return fmt.Sprintf("<now>%+dh", int64(math.Round(time.Until(time.UnixMilli(ms)).Hours())))
}

// uuid shows a topic id or another id of 16 bytes.
func (s *Symbols) uuid(id [16]byte) string {
	if id == ([16]byte{}) {
		return "<id:zero>"
	}
	if name, ok := s.topics[id]; ok {
		return "<id:" + name + ">"
	}
	if id == UnknownID {
		return "<id:unknown>"
	}
	if hexes := hex.EncodeToString(id[:]); strings.HasPrefix(hexes, "0000000000000000000000000000") {
		return "<id:" + hexes[28:] + ">" // The few ids that the protocol reserves.
	}
	return "<id:?>"
}

// UnknownID is a topic id that no broker gives out.
var UnknownID = [16]byte{0xde, 0xad, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 1}

// timestamp shows a time in milliseconds relative to T0, or as the present, or as it is.
func (s *Symbols) timestamp(ms int64) string {
	if ms <= 0 {
		return strconv.FormatInt(ms, 10)
	}
	at := time.UnixMilli(ms)
	if time.Since(at).Abs() < nowRange {
		return "<now>"
	}
	if d := at.Sub(s.T0); d.Abs() < t0Range {
		return fmt.Sprintf("T0%+d", ms-s.T0.UnixMilli())
	}
	return strconv.FormatInt(ms, 10)
}

// uuidText is how Kafka writes an id of 16 bytes in messages.
func uuidText(id [16]byte) string { return base64.RawURLEncoding.EncodeToString(id[:]) }
