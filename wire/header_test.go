package wire

import (
	"bytes"
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// requestFrame is a request without its size prefix, as kmsg's formatter makes it.
func requestFrame(req kmsg.Request, clientID *string, correlationID int32) []byte {
	f := kmsg.NewRequestFormatter()
	if clientID != nil {
		f = kmsg.NewRequestFormatter(kmsg.FormatterClientID(*clientID))
	}
	return f.AppendRequest(nil, req, correlationID)[FrameSizeLen:]
}

func TestHeaderOfEveryRequest(t *testing.T) {
	for key, version := range everyRequest() {
		for _, clientID := range []*string{nil, new(string), new("kcat")} {
			req := newRequest(key, version)
			frame := requestFrame(req, clientID, 77)
			h, body, err := ParseRequestHeader(frame)
			switch api, served := APIByKey(key); {
			case !served:
				if !errors.Is(err, ErrAPINotServed) {
					t.Fatalf("%s v%d: %v", APIName(key), version, err)
				}
			case !api.Serves(version):
				if !errors.Is(err, ErrUnsupportedVersion) {
					t.Fatalf("%s v%d: %v", APIName(key), version, err)
				}
			case err != nil:
				t.Fatalf("%s v%d: %v", APIName(key), version, err)
			case !bytes.Equal(body, req.AppendTo(nil)):
				t.Fatalf("%s v%d: body %x, want %x", APIName(key), version, body, req.AppendTo(nil))
			}
			if h.Key != key || h.Version != version || h.CorrelationID != 77 {
				t.Fatalf("%s v%d: %+v", APIName(key), version, h)
			}
			if key == KeyControlledShutdown && version == 0 {
				clientID = nil // header v0 has none
			}
			if (h.ClientID == nil) != (clientID == nil) || clientID != nil && *h.ClientID != *clientID {
				t.Fatalf("%s v%d: client ID %v, want %v", APIName(key), version, h.ClientID, clientID)
			}
		}
	}
}

func TestHeaderOfUnknownAPIStillHasItsNumbers(t *testing.T) {
	for _, key := range []int16{-1, 95, 999, 18245} {
		frame := []byte{byte(key >> 8), byte(key), 0, 9, 0, 0, 1, 2, 'x'}
		h, body, err := ParseRequestHeader(frame)
		if !errors.Is(err, ErrUnknownAPI) || body != nil {
			t.Errorf("%d: %v, body %x", key, err, body)
		}
		if h != (RequestHeader{Key: key, Version: 9, CorrelationID: 258}) {
			t.Errorf("%d: %+v", key, h)
		}
	}
}

// A client sends the highest ApiVersions that it knows, and its header is read as that
// version's however high: the server has to answer with its correlation ID.
func TestHeaderOfApiVersionsFromTheFuture(t *testing.T) {
	for _, version := range []int16{6, 100, 32767} {
		frame := []byte{0, 18, byte(version >> 8), byte(version), 0, 0, 0, 7, 0, 2, 'm', 'e', 0, 0xde, 0xad}
		h, _, err := ParseRequestHeader(frame)
		if !errors.Is(err, ErrUnsupportedVersion) || h.CorrelationID != 7 || h.ClientID == nil || *h.ClientID != "me" {
			t.Errorf("v%d: %+v, %v", version, h, err)
		}
	}
	h, _, err := ParseRequestHeader([]byte{0, 18, 0xff, 0xff, 0, 0, 0, 7, 0xff, 0xff})
	if !errors.Is(err, ErrUnsupportedVersion) || h.Version != -1 {
		t.Errorf("v-1: %+v, %v", h, err)
	}
}

func TestMalformedHeaders(t *testing.T) {
	flexible := []byte{0, 18, 0, 3, 0, 0, 0, 7, 0xff, 0xff}
	for name, frame := range map[string][]byte{
		"empty":                      {},
		"key only":                   {0, 18},
		"no client ID":               {0, 18, 0, 0, 0, 0, 0, 7},
		"half a client ID length":    {0, 18, 0, 0, 0, 0, 0, 7, 0},
		"client ID beyond the frame": {0, 18, 0, 0, 0, 0, 0, 7, 0, 5, 'a'},
		"no tags":                    flexible,
		"2^32-1 tags":                append(bytes.Clone(flexible), 0xff, 0xff, 0xff, 0xff, 0x0f),
		"65 tags":                    append(append(bytes.Clone(flexible), 65), make([]byte, 130)...),
		"more tags than bytes":       append(bytes.Clone(flexible), 2, 1, 0, 2),
		"tag without size":           append(bytes.Clone(flexible), 1, 0x80, 0x80),
		"tag beyond the frame":       append(bytes.Clone(flexible), 1, 9, 4, 1, 2, 3),
		"tag of 4 GiB":               append(bytes.Clone(flexible), 1, 9, 0xff, 0xff, 0xff, 0xff, 0x0f),
		"tag count of six bytes":     append(bytes.Clone(flexible), 0x80, 0x80, 0x80, 0x80, 0x80, 0),
	} {
		if _, body, err := ParseRequestHeader(frame); !errors.Is(err, ErrHeaderMalformed) || body != nil {
			t.Errorf("%s: %v, body %x", name, err, body)
		}
	}
}

func TestHeaderTagsAreSkipped(t *testing.T) {
	frame := []byte{0, 18, 0, 3, 0, 0, 0, 7, 0, 1, 'c', 2, 0, 3, 1, 2, 3, 0x85, 0x01, 0, 0xbb}
	h, body, err := ParseRequestHeader(frame)
	if err != nil || !bytes.Equal(body, []byte{0xbb}) || *h.ClientID != "c" {
		t.Errorf("%+v, body %x, %v", h, body, err)
	}
}

func TestParseKeepsTheClientIDOfAConnection(t *testing.T) {
	frame := requestFrame(newRequest(KeyMetadata, 12), new("producer-1"), 1)
	var h RequestHeader
	if _, err := h.Parse(frame); err != nil {
		t.Fatal(err)
	}
	first := h.ClientID
	if n := testing.AllocsPerRun(20, func() { _, _ = h.Parse(frame) }); n != 0 {
		t.Errorf("%v allocations for the client ID of the last request", n)
	}
	if h.ClientID != first {
		t.Error("the client ID was made anew")
	}
	if _, err := h.Parse(requestFrame(newRequest(KeyMetadata, 12), new("other"), 1)); err != nil || *h.ClientID != "other" {
		t.Errorf("%+v, %v", h, err)
	}
	if *first != "producer-1" {
		t.Error("the old client ID was overwritten")
	}
	if _, err := h.Parse(requestFrame(newRequest(KeyMetadata, 12), nil, 1)); err != nil || h.ClientID != nil {
		t.Errorf("%+v, %v", h, err)
	}
}

// A client ID outlives the frame, whose buffer is used again.
func TestClientIDDoesNotAliasTheFrame(t *testing.T) {
	frame := requestFrame(newRequest(KeyMetadata, 1), new("client"), 1)
	h, _, err := ParseRequestHeader(frame)
	if err != nil {
		t.Fatal(err)
	}
	clear(frame)
	if *h.ClientID != "client" {
		t.Errorf("%q", *h.ClientID)
	}
}

// TestRegression2ResponseHeaderVersions: the header of ApiVersions is of version 0 always.
func TestRegression2ResponseHeaderVersions(t *testing.T) {
	for _, c := range []struct {
		key, version int16
		want         []byte
	}{
		{KeyProduce, 8, []byte{1, 2, 3, 4}},
		{KeyProduce, 9, []byte{1, 2, 3, 4, 0}},
		{KeyAPIVersions, 0, []byte{1, 2, 3, 4}},
		{KeyAPIVersions, 3, []byte{1, 2, 3, 4}}, // KIP-511: v0 whatever the body is
		{KeyAPIVersions, 5, []byte{1, 2, 3, 4}},
		{KeySASLHandshake, 1, []byte{1, 2, 3, 4}},
		{KeyDescribeCluster, 0, []byte{1, 2, 3, 4, 0}},
		{999, 0, []byte{1, 2, 3, 4}},
	} {
		if got := AppendResponseHeader(nil, c.key, c.version, 0x01020304); !bytes.Equal(got, c.want) {
			t.Errorf("%d v%d: %x, want %x", c.key, c.version, got, c.want)
		}
	}
}
