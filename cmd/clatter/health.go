package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

const (
	defaultBootstrap = "localhost:9092"
	// healthTime is how long a broker may take to answer.
	healthTime = 5 * time.Second
	// maxHealthAnswer bounds the answer, which names all topics only for who asks for them.
	maxHealthAnswer = 1 << 20
)

const healthHelp = `Usage: clatter health [--bootstrap-server HOST:PORT]

Asks a broker for its metadata and its log directories. Exits with 0 if it answers and they can be written to, with 1 otherwise:
a failed disk, or one that hangs for more than 20 seconds, is not healthy.
Prints how old the oldest record is that waits to be compacted, and how many logs can't be compacted, if there are any.

  --bootstrap-server HOST:PORT   the broker to ask (default localhost:9092)
`

// health asks a broker for Metadata, as clients do first, and for the state of its disks.
func (p *process) health() int {
	flags := flag.NewFlagSet("health", flag.ContinueOnError)
	bootstrap := flags.String("bootstrap-server", defaultBootstrap, "")
	if code, ok := p.parse(flags, healthHelp); !ok {
		return code
	}
	if err := p.noMore("health"); err != nil {
		return p.fail(exitUsage, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), healthTime)
	defer cancel()
	cleaning, err := checkHealth(ctx, *bootstrap)
	if err != nil {
		return p.fail(exitFailure, err)
	}
	if age := time.Duration(cleaning.DirtyAgeMs) * time.Millisecond; age > 0 {
		p.say(fmt.Sprintf("compaction: the oldest record that waits for it is %s old\n", age.Round(time.Second)))
	}
	if n := cleaning.Uncleanable; n > 0 {
		p.say(fmt.Sprintf("compaction: logs that can't be compacted: %d; the broker's log says why\n", n))
	}
	return exitOK
}

// checkHealth tells how compaction keeps up, if a broker answers and its log directories work.
func checkHealth(ctx context.Context, address string) (wire.Cleaning, error) {
	nc, err := dial(ctx, address)
	if err != nil {
		return wire.Cleaning{}, fmt.Errorf("no broker answers at %s: %w", address, err)
	}
	defer nc.Close() //nolint:errcheck // the answers are what counts
	if err := askMetadata(nc); err != nil {
		return wire.Cleaning{}, fmt.Errorf("no broker answers at %s: %w", address, err)
	}
	cleaning, err := askLogDirs(nc)
	if err != nil {
		return cleaning, fmt.Errorf("the broker at %s is not healthy: %w", address, err)
	}
	return cleaning, nil
}

// dial connects within the time that ctx leaves, which bounds everything on the connection.
func dial(ctx context.Context, address string) (net.Conn, error) {
	nc, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		if err := nc.SetDeadline(deadline); err != nil {
			return nil, errors.Join(err, nc.Close())
		}
	}
	return nc, nil
}

// askMetadata is nil if the broker answers a Metadata request for no topics.
func askMetadata(nc net.Conn) error {
	req := kmsg.NewPtrMetadataRequest()
	req.Version, req.Topics = 4, []kmsg.MetadataRequestTopic{} // version 4 can ask for none, and to create none
	resp := req.ResponseKind().(*kmsg.MetadataResponse)
	if err := ask(nc, req, resp); err != nil {
		return err
	}
	if len(resp.Brokers) == 0 {
		return errors.New("it knows no broker")
	}
	return nil
}

// askLogDirs tells how compaction keeps up, if all log directories of the broker work.
func askLogDirs(nc net.Conn) (cleaning wire.Cleaning, err error) {
	req := kmsg.NewPtrDescribeLogDirsRequest()
	req.Version, req.Topics = 2, []kmsg.DescribeLogDirsRequestTopic{} // of no topics; from version 2 on there are tags
	req.UnknownTags.Set(wire.CleaningTag, nil)
	resp := req.ResponseKind().(*kmsg.DescribeLogDirsResponse)
	if err := ask(nc, req, resp); err != nil {
		return cleaning, err
	}
	cleaning, _ = wire.CleaningOf(&resp.UnknownTags) // another broker doesn't tell
	var failed []string
	for i := range resp.Dirs {
		if resp.Dirs[i].ErrorCode != 0 {
			failed = append(failed, resp.Dirs[i].Dir)
		}
	}
	if len(failed) > 0 {
		return cleaning, fmt.Errorf("can't write to %s; the broker's log says why", strings.Join(failed, ", "))
	}
	return cleaning, nil
}

// ask sends a request and decodes the answer.
func ask(nc net.Conn, req kmsg.Request, resp kmsg.Response) error {
	formatter := kmsg.NewRequestFormatter(kmsg.FormatterClientID("clatter-health"))
	if _, err := nc.Write(formatter.AppendRequest(nil, req, 1)); err != nil {
		return err
	}
	frame, err := wire.ReadFrame(nc, nil, maxHealthAnswer)
	if err != nil {
		return err
	}
	const correlationIDLen = 4
	if len(frame) < correlationIDLen {
		return fmt.Errorf("answer of %d bytes", len(frame))
	}
	body := frame[correlationIDLen:]
	if req.IsFlexible() { // The header of the answer has tags, and a broker sends none.
		if len(body) == 0 || body[0] != 0 {
			return errors.New("answer with tags in its header")
		}
		body = body[1:]
	}
	return resp.ReadFrom(body)
}
