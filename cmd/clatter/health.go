package main

import (
	"context"
	"flag"
	"fmt"
	"net"
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

Asks a broker for its metadata and exits with 0 if it answers, with 1 if it doesn't.

  --bootstrap-server HOST:PORT   the broker to ask (default localhost:9092)
`

// health asks a broker for Metadata, as clients do first.
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
	if err := askMetadata(ctx, *bootstrap); err != nil {
		return p.fail(exitFailure, fmt.Errorf("no broker answers at %s: %w", *bootstrap, err))
	}
	return exitOK
}

// askMetadata is nil if the broker answers a Metadata request for no topics.
func askMetadata(ctx context.Context, address string) error {
	nc, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer nc.Close() //nolint:errcheck // the answer is what counts
	if deadline, ok := ctx.Deadline(); ok {
		if err := nc.SetDeadline(deadline); err != nil {
			return err
		}
	}
	req := kmsg.NewPtrMetadataRequest()
	req.Version, req.Topics = 4, []kmsg.MetadataRequestTopic{} // version 4 can ask for none, and to create none
	formatter := kmsg.NewRequestFormatter(kmsg.FormatterClientID("clatter-health"))
	if _, err := nc.Write(formatter.AppendRequest(nil, req, 1)); err != nil {
		return err
	}
	frame, err := wire.ReadFrame(nc, nil, maxHealthAnswer)
	if err != nil {
		return err
	}
	resp := req.ResponseKind().(*kmsg.MetadataResponse)
	const correlationIDLen = 4
	if len(frame) < correlationIDLen {
		return fmt.Errorf("answer of %d bytes", len(frame))
	}
	if err := resp.ReadFrom(frame[correlationIDLen:]); err != nil {
		return err
	}
	if len(resp.Brokers) == 0 {
		return fmt.Errorf("it knows no broker")
	}
	return nil
}
