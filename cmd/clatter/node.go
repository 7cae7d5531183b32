package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/broker/catalog"
	"github.com/clatterhq/clatter/broker/config"
	"github.com/clatterhq/clatter/handlers"
	"github.com/clatterhq/clatter/logstore/local"
)

// nodeOptions is what a node is told besides its configuration.
type nodeOptions struct {
	memory bool
	// whole says that no log directory may be missing.
	whole   bool
	environ []string
	logs    io.Writer
	// release gives memory back that only the start needed. It runs once, when nobody is connected. Nil does nothing.
	release func() error
}

// node is one running broker: the parts that this command joins.
type node struct {
	options nodeOptions
	config  *config.Config
	log     *slog.Logger
	level   *slog.LevelVar
	server  *broker.Server
	store   *local.Store
	catalog *catalog.Catalog
	topics  *topicKeeper
	// coordinators is nil until the data is open.
	coordinators *handlers.Coordinators
	served       chan struct{} // closed when the server has ended
	// offline hears of log directories that failed, catalogFailed of the catalog. Both have room for all that can come.
	offline       chan offlineDir
	catalogFailed chan error
	failing       sync.WaitGroup // tells the catalog that its disk failed
	released      sync.Once
}

// offlineDir is a log directory that failed while the node ran.
type offlineDir struct {
	dir, left int
	err       error
}

// errNoDirs says that there is nothing left to keep records in.
var errNoDirs = errors.New("the last log directory is offline, so nothing can be served; check the disk, then start again")

// startNode brings everything up in the order that leaves nothing behind where it fails: ports are bound first,
// the log directory is locked next, and only then anything is written. Clients that connect meanwhile wait in the
// listeners' backlog.
func startNode(ctx context.Context, static *config.Static, options nodeOptions) (*node, error) {
	c := config.New(static)
	current := c.Current()
	n := &node{
		options: options, config: c, served: make(chan struct{}),
		offline: make(chan offlineDir, len(current.LogDirs)+1), catalogFailed: make(chan error, 1),
	}
	n.log, n.level = newLogger(options.logs, current)
	memory := tuneMemory(options.environ)
	var err error
	n.server, err = broker.Listen(ctx, n.serverOptions(current, memory))
	if err != nil {
		return nil, err
	}
	// Before the catalog is opened, which brings the dynamic keys that were set before this start.
	c.Subscribe(func(_, current *config.Snapshot) {
		n.server.SetLimits(limitsOf(current))
		n.level.Set(current.LogLevel)
	})
	if err := n.openData(ctx, current); err != nil {
		return nil, errors.Join(err, n.server.Shutdown(context.WithoutCancel(ctx)))
	}
	if logs := n.store.Unclaimed(); logs > 0 {
		n.log.Warn("log directories have logs of topics that the catalog doesn't know; they are left alone: "+
			"if they are an Apache Kafka's, stop and run clatter import", "logs", logs)
	}
	for _, line := range static.Warnings() {
		n.log.Warn(line)
	}
	if names := static.WithoutEffect(); len(names) > 0 {
		n.log.Info("keys that change nothing here", "keys", names)
	}
	return n, nil
}

// serve begins to answer clients. Groups and transactions are loaded meanwhile.
func (n *node) serve() {
	n.coordinators.Load()
	dispatcher := handlers.New(handlers.Deps{
		Store: n.store, Catalog: n.catalog, Config: n.config, Coordinators: n.coordinators, LogLevel: n.level, Log: n.log,
	})
	go func() {
		defer close(n.served)
		// It ends when stop says so, and has nothing else to tell.
		_ = n.server.Serve(dispatcher)
	}()
}

// awaitSignal returns the signal that ends the node, or what makes it useless before.
func (n *node) awaitSignal(ctx context.Context, signals <-chan os.Signal) (os.Signal, error) {
	made := make(chan error, 1)
	go func() { made <- n.catalog.Made(ctx) }()
	settled := time.NewTimer(settleTime)
	defer settled.Stop()
	for {
		select {
		case s := <-signals:
			return s, nil
		case err := <-made:
			if err != nil {
				return nil, err
			}
			made = nil // and never again
		case <-settled.C:
			if n.server.Connections() == 0 {
				n.release()
			}
		case err := <-n.catalogFailed:
			// A failed write is final for the directory that it went to, whoever wrote.
			n.store.Fail(catalogDir, "write of the catalog", err)
		case gone := <-n.offline:
			if gone.left == 0 {
				return nil, fmt.Errorf("%w: %w", errNoDirs, gone.err)
			}
			n.log.Warn("other log directories go on", "left", gone.left)
			if gone.dir == catalogDir {
				n.failing.Go(n.catalog.Fail)
			}
		}
	}
}

// settleTime is when a broker that nobody has connected to gives back what its start needed. Else the first client
// that comes meanwhile pays for it.
const settleTime = time.Second

// release runs when nobody is connected, so nobody waits for it.
func (n *node) release() {
	if n.options.release == nil {
		return
	}
	n.released.Do(func() {
		if err := n.options.release(); err != nil {
			n.log.Debug("memory that only the start needed isn't given back", "err", err)
		}
	})
}

// stop ends a node that serves. The error says that what is on disk isn't marked as whole.
func (n *node) stop(ctx context.Context) error {
	err := n.server.Shutdown(ctx)
	<-n.served
	return errors.Join(err, n.closeData(ctx))
}

// serverOptions is what the configuration means to the server. memory is what the process may use, 0 if unknown.
func (n *node) serverOptions(s *config.Snapshot, memory int64) broker.Options {
	o := broker.Options{
		Log:                n.log,
		MaxRequestBytes:    int(s.SocketRequestMaxBytes),
		QueuedRequestBytes: s.QueuedMaxRequestBytes,
		MaxIdle:            time.Duration(s.ConnectionsMaxIdleMs) * time.Millisecond,
		SendBuffer:         int(s.SocketSendBufferBytes),
		ReceiveBuffer:      int(s.SocketReceiveBufferBytes),
		Limits:             limitsOf(s),
		Deserted:           n.release,
	}
	if o.QueuedRequestBytes <= 0 {
		o.QueuedRequestBytes = memory / queuedShare
	}
	for _, l := range s.Listeners {
		o.Listeners = append(o.Listeners, broker.Listener{Name: l.Name, Host: l.Host, Port: l.Port})
	}
	return o
}

// limitsOf is what the configuration says about connections.
func limitsOf(s *config.Snapshot) broker.Limits {
	return broker.Limits{
		MaxConnections:            int(s.MaxConnections),
		MaxConnectionsPerIP:       int(s.MaxConnectionsPerIP),
		PerIP:                     s.MaxConnectionsPerIPOverrides,
		MaxConnectionCreationRate: int(s.MaxConnectionCreationRate),
	}
}

// newLogger makes the logger that the configuration asks for. Its level can change.
func newLogger(w io.Writer, s *config.Snapshot) (*slog.Logger, *slog.LevelVar) {
	level := new(slog.LevelVar)
	level.Set(s.LogLevel)
	options := &slog.HandlerOptions{Level: level}
	if s.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options)), level
	}
	return slog.New(slog.NewTextHandler(w, options)), level
}
