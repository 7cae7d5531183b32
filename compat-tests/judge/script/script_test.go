package script_test

import (
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

// broker answers each frame that it receives with what reply makes of it; nil closes the connection.
func broker(t *testing.T, reply func(frame []byte) []byte) script.Env {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c, reply)
		}
	}()
	return script.Env{Addr: l.Addr().String(), T0: time.Now().Add(-time.Hour)}
}

func serve(c net.Conn, reply func([]byte) []byte) {
	defer c.Close()
	for {
		var size [4]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		frame := make([]byte, binary.BigEndian.Uint32(size[:]))
		if _, err := io.ReadFull(c, frame); err != nil {
			return
		}
		answer := reply(frame)
		if answer == nil {
			return
		}
		if _, err := c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(answer))), answer...)); err != nil {
			return
		}
	}
}

func deleteTopic(name string) func(*script.Run) kmsg.Request {
	return func(*script.Run) kmsg.Request {
		req := kmsg.NewPtrDeleteTopicsRequest()
		req.Version, req.TopicNames = 1, []string{name}
		return req
	}
}

// echo answers a DeleteTopics v1 of one topic with that topic and no error.
func echo(frame []byte) []byte {
	resp := kmsg.NewPtrDeleteTopicsResponse()
	resp.Version = 1
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.Version = 1
	header := 10 + int(binary.BigEndian.Uint16(frame[8:]))
	if req.ReadFrom(frame[header:]) != nil || len(req.TopicNames) != 1 || req.TopicNames[0] == "close" {
		return nil
	}
	resp.Topics = []kmsg.DeleteTopicsResponseTopic{{Topic: &req.TopicNames[0]}}
	return resp.AppendTo(append([]byte{}, frame[4:8]...))
}

func TestTopicsGetAPrefixThatTranscriptsDoNotShow(t *testing.T) {
	var sent string
	env := broker(t, func(frame []byte) []byte {
		sent = string(frame)
		return echo(frame)
	})
	c := script.Case{Name: "x", Steps: []script.Step{script.Ask{Build: deleteTopic("~t")}}}
	notes, err := script.Execute(t.Context(), env, c, 17)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(sent, "c0017-t") {
		t.Errorf("the request was %q", sent)
	}
	if len(notes) != 1 || !strings.Contains(notes[0].Request, `["t"]`) || !strings.Contains(notes[0].Answer, `Topic: "t"`) {
		t.Errorf("the transcript is %+v", notes)
	}
}

func TestAClosedConnectionIsAnAnswerAndStaysClosed(t *testing.T) {
	env := broker(t, echo)
	c := script.Case{Steps: []script.Step{
		script.Ask{Build: deleteTopic("close")}, script.Ask{Build: deleteTopic("t")}, script.Ask{Conn: 1, Build: deleteTopic("t")},
	}}
	notes, err := script.Execute(t.Context(), env, c, 0)
	if err != nil {
		t.Fatal(err)
	}
	if notes[0].Answer != "closed" || notes[1].Answer != "closed" || !strings.Contains(notes[2].Answer, "NONE(0)") {
		t.Errorf("the transcript is %+v", notes)
	}
}

func TestPipelinedAnswersAreReadInOrder(t *testing.T) {
	env := broker(t, echo)
	c := script.Case{Steps: []script.Step{
		script.Ask{Build: deleteTopic("a"), Send: true}, script.Ask{Build: deleteTopic("b"), Send: true}, script.Receive{}, script.Receive{},
	}}
	notes, err := script.Execute(t.Context(), env, c, 0)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(notes[2].Answer, `Topic: "a"`) || !strings.Contains(notes[3].Answer, `Topic: "b"`) {
		t.Errorf("the transcript is %+v", notes)
	}
}

func TestWrongCorrelationIDsAndTrailingBytesAreNoted(t *testing.T) {
	env := broker(t, func(frame []byte) []byte {
		answer := echo(frame)
		if strings.Contains(string(frame), "wrong") {
			answer[3]++
			return answer
		}
		return append(answer, 0)
	})
	c := script.Case{Steps: []script.Step{script.Ask{Build: deleteTopic("t")}, script.Ask{Conn: 1, Build: deleteTopic("wrong")}}}
	notes, err := script.Execute(t.Context(), env, c, 0)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(notes[0].Answer, "! not canonical") {
		t.Errorf("a trailing byte gave %q", notes[0].Answer)
	}
	if !strings.HasPrefix(notes[1].Answer, "malformed") {
		t.Errorf("a wrong correlation id gave %q", notes[1].Answer)
	}
}

// joinAnswer answers JoinGroup v0 with a member id, LeaveGroup v0 with nothing and ListGroups v0 with three groups.
func joinAnswer(frame []byte) []byte {
	var resp kmsg.Response
	switch int16(binary.BigEndian.Uint16(frame)) {
	case 11:
		join := kmsg.NewPtrJoinGroupResponse()
		join.MemberID = "a-01234567-89ab-4cde-8f01-23456789abcd"
		resp = join
	case 16:
		list := kmsg.NewPtrListGroupsResponse()
		list.Groups = []kmsg.ListGroupsResponseGroup{{Group: "c0001-other"}, {Group: "c0000-own"}, {Group: "somebody's"}}
		resp = list
	default:
		resp = kmsg.NewPtrLeaveGroupResponse()
	}
	return resp.AppendTo(append([]byte{}, frame[4:8]...))
}

func TestMembersAreNamedByTheirClients(t *testing.T) {
	leave := ""
	env := broker(t, func(frame []byte) []byte {
		if int16(binary.BigEndian.Uint16(frame)) == 13 {
			leave = string(frame)
		}
		return joinAnswer(frame)
	})
	c := script.Case{Steps: []script.Step{
		script.Setup(func(r *script.Run) error {
			if err := r.Send(4, "a", kmsg.NewPtrJoinGroupRequest()); err != nil {
				return err
			}
			_, err := r.Take(4)
			return err
		}),
		script.Ask{Build: func(*script.Run) kmsg.Request {
			req := kmsg.NewPtrLeaveGroupRequest()
			req.MemberID = "@a"
			return req
		}},
	}}
	notes, err := script.Execute(t.Context(), env, c, 0)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(leave, "a-01234567") || !strings.Contains(notes[0].Request, `MemberID: "a-<member:1>"`) {
		t.Errorf("sent %q, noted %+v", leave, notes)
	}
}

func TestGroupsOfOthersAreNotListed(t *testing.T) {
	env := broker(t, joinAnswer)
	c := script.Case{Steps: []script.Step{script.Ask{Build: func(*script.Run) kmsg.Request { return kmsg.NewPtrListGroupsRequest() }}}}
	notes, err := script.Execute(t.Context(), env, c, 0)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(notes[0].Answer, `Groups: [{Group: "own" ProtocolType: ""}]`) {
		t.Errorf("the transcript is %+v", notes)
	}
}
