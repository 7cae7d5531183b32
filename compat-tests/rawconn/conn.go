package rawconn

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// maxAnswer bounds the size of an answer that is read, in bytes.
const maxAnswer = 256 << 20

// apiVersionsKey is the one API whose answers never carry a flexible header (KIP-511).
const apiVersionsKey = 18

// Conn is one connection to a broker. It is used by one goroutine at a time.
type Conn struct {
	conn          net.Conn
	correlationID int32
}

// Dial connects to addr (host:port).
func Dial(ctx context.Context, addr string) (*Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", addr, err)
	}
	return &Conn{conn: c}, nil
}

// Close ends the connection from this side.
func (c *Conn) Close() error { return c.conn.Close() }

// RemoteAddr is the broker's address as host:port.
func (c *Conn) RemoteAddr() string { return c.conn.RemoteAddr().String() }

// NextCorrelationID returns a fresh correlation id; a caller that builds frames by hand takes its ids here.
func (c *Conn) NextCorrelationID() int32 {
	c.correlationID++
	return c.correlationID
}

// Frame returns req with its header but without the size: what [Conn.WriteFrame] takes. A nil clientID is sent as null.
func Frame(req kmsg.Request, correlationID int32, clientID *string) []byte {
	b := Header(req.Key(), req.GetVersion(), correlationID, clientID, req.IsFlexible())
	return req.AppendTo(b)
}

// Header returns a request header (version 1, or 2 with an empty tag section where flexible).
func Header(key, version int16, correlationID int32, clientID *string, flexible bool) []byte {
	var b []byte
	b = binary.BigEndian.AppendUint16(b, uint16(key))
	b = binary.BigEndian.AppendUint16(b, uint16(version))
	b = binary.BigEndian.AppendUint32(b, uint32(correlationID))
	if clientID == nil {
		b = append(b, 0xff, 0xff)
	} else {
		b = binary.BigEndian.AppendUint16(b, uint16(len(*clientID)))
		b = append(b, *clientID...)
	}
	if flexible {
		b = append(b, 0)
	}
	return b
}

// WriteFrame sends frame behind its size.
func (c *Conn) WriteFrame(frame []byte) error {
	return c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(frame))), frame...))
}

// Write sends bytes as they are: half frames, lying sizes, other protocols.
func (c *Conn) Write(b []byte) error {
	if _, err := c.conn.Write(b); err != nil {
		return classify(err)
	}
	return nil
}

// CloseWrite sends FIN while still reading.
func (c *Conn) CloseWrite() error {
	tcp, ok := c.conn.(*net.TCPConn)
	if !ok {
		return fmt.Errorf("half close: %w", errors.ErrUnsupported)
	}
	return tcp.CloseWrite()
}

// ReadFrame returns the next answer without its size, starting with the correlation id.
func (c *Conn) ReadFrame(timeout time.Duration) ([]byte, error) {
	if err := c.conn.SetReadDeadline(time.Now().Add(timeout)); err != nil {
		return nil, classify(err)
	}
	var size [4]byte
	if _, err := io.ReadFull(c.conn, size[:]); err != nil {
		return nil, classify(err)
	}
	n := binary.BigEndian.Uint32(size[:])
	if n < 4 || n > maxAnswer {
		return nil, fmt.Errorf("%w: size %d", ErrFrame, int32(n))
	}
	frame := make([]byte, n)
	if _, err := io.ReadFull(c.conn, frame); err != nil {
		return nil, classify(err)
	}
	return frame, nil
}

// Do sends req and returns the decoded answer.
func (c *Conn) Do(req kmsg.Request, timeout time.Duration) (kmsg.Response, error) {
	id := c.NextCorrelationID()
	client := "compat-tests"
	if err := c.WriteFrame(Frame(req, id, &client)); err != nil {
		return nil, err
	}
	frame, err := c.ReadFrame(timeout)
	if err != nil {
		return nil, err
	}
	body, err := Body(frame, id, FlexibleHeader(req))
	if err != nil {
		return nil, err
	}
	resp := req.ResponseKind()
	resp.SetVersion(req.GetVersion())
	if err := resp.ReadFrom(body); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFrame, err)
	}
	return resp, nil
}

// FlexibleHeader says whether the answer to req has a tag section in its header.
func FlexibleHeader(req kmsg.Request) bool { return req.IsFlexible() && req.Key() != apiVersionsKey }

// Body checks an answer's header and returns what follows it.
func Body(frame []byte, correlationID int32, flexible bool) ([]byte, error) {
	if got := int32(binary.BigEndian.Uint32(frame)); got != correlationID {
		return nil, fmt.Errorf("%w: correlation id %d, want %d", ErrFrame, got, correlationID)
	}
	body := frame[4:]
	if !flexible {
		return body, nil
	}
	if len(body) == 0 || body[0] != 0 {
		return nil, fmt.Errorf("%w: tags in the answer's header", ErrFrame)
	}
	return body[1:], nil
}

// classify turns what net reports into the sentinels of this package.
func classify(err error) error {
	var netErr net.Error
	switch {
	case errors.As(err, &netErr) && netErr.Timeout():
		return ErrTimeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return ErrClosed
	default:
		return err
	}
}
