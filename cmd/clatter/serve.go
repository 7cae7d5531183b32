package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/clatterhq/clatter/broker/config"
)

const serveHelp = `Usage: clatter [serve] [--config FILE] [--override key=value]... [--memory]

Runs the broker until SIGINT or SIGTERM; a second signal ends it at once. Configuration is Kafka's: the file,
then the environment (KAFKA_LOG_DIRS is log.dirs), then overrides; later ones win.

  --config FILE          a server.properties file
  --override key=value   one key, can be given many times
  --memory               keep everything in memory: nothing is written or synced, nothing survives

Without any of them the broker listens on localhost:9092 and keeps its data in ./clatter-data.
`

// stopTime bounds a stop: requests under way must end and logs be synced by then. Who asked for the stop
// waits 10 s at most, if it is docker, and kills then.
const stopTime = 9 * time.Second

// sameSignal is how long a signal is taken for the first one again: timeout(1) and other supervisors send theirs to the
// process and then to its group, which is nobody's wish for an end without a clean stop.
const sameSignal = 100 * time.Millisecond

// noSync is the override that --memory comes with: nothing there waits for a disk. An override of the user wins.
const noSync = "log.flush.interval.messages=9223372036854775807"

// repeated is a flag that can be given many times.
type repeated []string

// String implements flag.Value.
func (r *repeated) String() string { return "" }

// Set implements flag.Value.
func (r *repeated) Set(value string) error {
	*r = append(*r, value)
	return nil
}

// serve runs the broker.
func (p *process) serve() int {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	var sources config.Sources
	flags.StringVar(&sources.File, "config", "", "")
	flags.Var((*repeated)(&sources.Overrides), "override", "")
	memory := flags.Bool("memory", false, "")
	if code, ok := p.parse(flags, serveHelp); !ok {
		return code
	}
	if err := p.noMore("serve"); err != nil {
		return p.fail(exitUsage, err)
	}
	// Each signal is two hand-overs to a thread that is made for it; the configuration is read meanwhile.
	signals := make(chan os.Signal, 2)
	var asked sync.WaitGroup
	asked.Go(func() { signal.Notify(signals, os.Interrupt, syscall.SIGTERM) })
	defer signal.Stop(signals)
	sources.Environ = p.environ
	if *memory {
		sources.Overrides = append([]string{noSync}, sources.Overrides...)
	}
	static, err := config.Load(sources)
	asked.Wait() // Who sees that the broker serves may ask it to stop.
	if err != nil {
		if errors.Is(err, config.ErrBadConfig) {
			return p.fail(exitUsage, err)
		}
		return p.fail(exitFailure, err)
	}
	return p.runNode(static, *memory, signals)
}

// runNode runs a broker until a signal comes.
func (p *process) runNode(static *config.Static, memory bool, signals <-chan os.Signal) int {
	n, s, err := p.startUnlessAsked(static, memory, signals)
	if err != nil {
		if s != nil && errors.Is(err, context.Canceled) {
			return p.fail(exitOK, fmt.Errorf("stopped while starting, by signal %s", s))
		}
		return p.fail(exitFailure, err)
	}
	defer keepPace(p.environ)()
	n.serve()
	if s == nil {
		s, err = n.awaitSignal(context.Background(), signals)
	}
	if err != nil {
		ctx, cancel := context.WithTimeout(context.Background(), stopTime)
		defer cancel()
		stopped := n.stop(ctx)
		if errors.Is(err, errNoDirs) {
			stopped = nil // It can only say the same.
		}
		return p.fail(exitFailure, errors.Join(err, stopped))
	}
	n.log.Info("stopping", "signal", s.String())
	stopped := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopTime)
		defer cancel()
		stopped <- n.stop(ctx)
	}()
	second, err := awaitStop(stopped, signals)
	if second != nil {
		n.log.Warn("ended at once; logs will be recovered at the next start", "signal", second.String())
		return exitFailure
	}
	if err != nil {
		n.log.Error("stopped, not cleanly", "err", err)
		return exitFailure
	}
	n.log.Info("stopped")
	return exitOK
}

// startUnlessAsked starts a node. A signal meanwhile, say while logs are being recovered, ends the start, with an error
// unless it was through already.
func (p *process) startUnlessAsked(static *config.Static, memory bool, signals <-chan os.Signal) (n *node, asked os.Signal, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case asked = <-signals:
			cancel()
		case <-ctx.Done():
		}
	})
	n, err = startNode(ctx, static, nodeOptions{memory: memory, environ: p.environ, logs: p.stderr, release: releaseStartPages})
	cancel()
	watch.Wait()
	return n, asked, err
}

// awaitStop waits until a stop is done, or returns the second signal.
func awaitStop(stopped <-chan error, signals <-chan os.Signal) (second os.Signal, err error) {
	began := time.Now()
	for {
		select {
		case err := <-stopped:
			return nil, err
		case s := <-signals:
			if time.Since(began) >= sameSignal {
				return s, nil
			}
		}
	}
}
