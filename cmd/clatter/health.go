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
	if err := checkHealth(ctx, *bootstrap); err != nil {
		return p.fail(exitFailure, err)
	}
	return exitOK
}

// checkHealth is nil if a broker answers and its log directories work.
func checkHealth(ctx context.Context, address string) error {
	nc, err := dial(ctx, address)
	if err != nil {
		return fmt.Errorf("no broker answers at %s: %w", address, err)
	}
	defer nc.Close() //nolint:errcheck // the answers are what counts
	if err := askMetadata(nc); err != nil {
		return fmt.Errorf("no broker answers at %s: %w", address, err)
	}
	if err := askLogDirs(nc); err != nil {
		return fmt.Errorf("the broker at %s is not healthy: %w", address, err)
	}
	return nil
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

// askLogDirs is nil if all log directories of the broker work.
func askLogDirs(nc net.Conn) error {
	req := kmsg.NewPtrDescribeLogDirsRequest()
	req.Version, req.Topics = 1, []kmsg.DescribeLogDirsRequestTopic{} // of no topics
	resp := req.ResponseKind().(*kmsg.DescribeLogDirsResponse)
	if err := ask(nc, req, resp); err != nil {
		return err
	}
	var failed []string
	for i := range resp.Dirs {
		if resp.Dirs[i].ErrorCode != 0 {
			failed = append(failed, resp.Dirs[i].Dir)
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("can't write to %s; the broker's log says why", strings.Join(failed, ", "))
	}
	return nil
}

// ask sends a request of a version that isn't flexible and decodes the answer.
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
	return resp.ReadFrom(frame[correlationIDLen:])
}
