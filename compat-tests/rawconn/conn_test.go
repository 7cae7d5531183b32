package rawconn_test

import (
	"errors"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/rawconn"
)

// peer accepts one connection and gives it to serve.
func peer(t *testing.T, serve func(net.Conn)) *rawconn.Conn {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		serve(c)
	}()
	c, err := rawconn.Dial(t.Context(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestEndsOfConnectionsAreToldApart(t *testing.T) {
	silent := make(chan struct{})
	t.Cleanup(func() { close(silent) })
	for what, c := range map[string]struct {
		serve func(net.Conn)
		want  error
	}{
		"closed":             {func(net.Conn) {}, rawconn.ErrClosed},
		"half an answer":     {func(c net.Conn) { _, _ = c.Write([]byte{0, 0, 0, 9, 1}) }, rawconn.ErrClosed},
		"silence":            {func(net.Conn) { <-silent }, rawconn.ErrTimeout},
		"size too small":     {func(c net.Conn) { _, _ = c.Write([]byte{0, 0, 0, 3, 1, 2, 3}) }, rawconn.ErrFrame},
		"size negative":      {func(c net.Conn) { _, _ = c.Write([]byte{0xff, 0xff, 0xff, 0xff}) }, rawconn.ErrFrame},
		"size above a bound": {func(c net.Conn) { _, _ = c.Write([]byte{0x7f, 0, 0, 0}) }, rawconn.ErrFrame},
	} {
		limit := time.Minute
		if errors.Is(c.want, rawconn.ErrTimeout) {
			limit = 200 * time.Millisecond
		}
		if _, err := peer(t, c.serve).ReadFrame(limit); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
	}
}

func TestHeadersOfAnswersAreChecked(t *testing.T) {
	for _, c := range []struct {
		frame    []byte
		flexible bool
		body     string
		ok       bool
	}{
		{[]byte{0, 0, 0, 7, 'b'}, false, "b", true},
		{[]byte{0, 0, 0, 7, 0, 'b'}, true, "b", true},
		{[]byte{0, 0, 0, 8, 'b'}, false, "", false},
		{[]byte{0, 0, 0, 7}, true, "", false},
		{[]byte{0, 0, 0, 7, 1, 'b'}, true, "", false},
	} {
		body, err := rawconn.Body(c.frame, 7, c.flexible)
		if string(body) != c.body || (err == nil) != c.ok {
			t.Errorf("Body(%v, %t) = %q, %v", c.frame, c.flexible, body, err)
		}
	}
}

func TestRequestHeadersCarryWhatIsAskedFor(t *testing.T) {
	req := kmsg.NewPtrListGroupsRequest()
	name := "me"
	for _, c := range []struct {
		version int16
		client  *string
		want    string
	}{
		{0, &name, "\x00\x10\x00\x00\x00\x00\x00\x05\x00\x02me"},
		{0, nil, "\x00\x10\x00\x00\x00\x00\x00\x05\xff\xff"},
		{3, nil, "\x00\x10\x00\x03\x00\x00\x00\x05\xff\xff\x00\x00"},
	} {
		req.Version = c.version
		if got := string(rawconn.Frame(req, 5, c.client)); got != c.want {
			t.Errorf("v%d: %q, want %q", c.version, got, c.want)
		}
	}
}
