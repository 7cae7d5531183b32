package launch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// Kind names an implementation of a broker.
type Kind string

// The kinds of brokers that can be started.
const (
	Clatter Kind = "clatter"
	Kafka   Kind = "kafka"
)

// Time limits of the life of a broker. Kafka needs about five seconds to start on an idle machine.
const (
	readyTimeout = 90 * time.Second
	stopTimeout  = 60 * time.Second
)

// Options says how to start a broker. The zero value is a usable one.
type Options struct {
	Kind      Kind              // Empty means Clatter.
	Dir       string            // Working folder (data in Dir/data). Empty: a temporary one, removed by Close.
	Overrides map[string]string // Keys of server.properties, over those that the launcher sets.
	Args      []string          // More arguments for clatter serve, for instance --memory; ignored for Kafka.
	Env       []string          // More environment, as KEY=value.
	Wrapper   []string          // Put before the broker's command, for instance a tracer that becomes its command by exec.
}

// Broker is one broker process and the directory it owns.
type Broker struct {
	options Options
	recipe  recipe
	port    *Port   // The one that clients connect to.
	ports   []*Port // All that are to be given back.
	ownsDir bool
	process *process // Nil while not running.
}

// recipe is what differs between the kinds.
type recipe interface {
	// prepare does what comes before the first start (settings, storage format); called once.
	prepare(ctx context.Context, b *Broker) error
	// command returns the process to start; called at every start.
	command(b *Broker) (*exec.Cmd, error)
}

// Start starts a broker and waits until it answers Metadata. The caller must Close it.
func Start(ctx context.Context, options Options) (*Broker, error) {
	b := &Broker{options: options}
	switch options.Kind {
	case Clatter, "":
		b.options.Kind, b.recipe = Clatter, clatterRecipe{}
	case Kafka:
		b.recipe = &kafkaRecipe{}
	default:
		return nil, fmt.Errorf("%w: unknown kind %q", ErrUnavailable, options.Kind)
	}
	if err := b.place(ctx); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	if err := b.recipe.prepare(ctx, b); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	if err := b.start(ctx); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// place picks directory and port.
func (b *Broker) place(ctx context.Context) error {
	if b.options.Dir == "" {
		dir, err := os.MkdirTemp("", "compat-"+string(b.options.Kind)+"-")
		if err != nil {
			return fmt.Errorf("create broker directory: %w", err)
		}
		b.options.Dir, b.ownsDir = dir, true
	}
	dir, err := filepath.Abs(b.options.Dir)
	if err != nil {
		return fmt.Errorf("broker directory: %w", err)
	}
	b.options.Dir = dir
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("create broker directory: %w", err)
	}
	b.port, err = b.reserve(ctx)
	return err
}

// reserve claims a port until Close.
func (b *Broker) reserve(ctx context.Context) (*Port, error) {
	p, err := ReservePort(ctx)
	if err != nil {
		return nil, err
	}
	b.ports = append(b.ports, p)
	return p, nil
}

func (b *Broker) start(ctx context.Context) error {
	cmd, err := b.recipe.command(b)
	if err != nil {
		return err
	}
	if wrapper := b.options.Wrapper; len(wrapper) > 0 {
		cmd = newCommand(wrapper[0], slices.Concat(wrapper[1:], cmd.Args)...)
	}
	cmd.Dir = b.options.Dir
	cmd.Env = append(os.Environ(), b.options.Env...)
	if b.process, err = startProcess(cmd, b.logPath()); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	if err := waitReady(ctx, b.Addr(), b.process.done); err != nil {
		return errors.Join(fmt.Errorf("%w: %s: %w\n%s", ErrNotReady, b.options.Kind, err, tail(b.Log(), 4096)), b.endProcess(syscall.SIGKILL))
	}
	return nil
}

// Kind says which implementation this is.
func (b *Broker) Kind() Kind { return b.options.Kind }

// Addr is the address that clients connect to, as host:port. It survives restarts.
func (b *Broker) Addr() string { return b.port.Addr() }

// Port is the port of Addr.
func (b *Broker) Port() int { return b.port.Number }

// Dir is the broker's working folder.
func (b *Broker) Dir() string { return b.options.Dir }

// DataDir is the broker's log directory (log.dirs): partitions are folders in it.
func (b *Broker) DataDir() string { return filepath.Join(b.options.Dir, "data") }

// PID is the process id, 0 while the broker is not running.
func (b *Broker) PID() int {
	if b.process == nil {
		return 0
	}
	return b.process.cmd.Process.Pid
}

// Log returns everything that the broker printed on both outputs since Start, over all restarts.
func (b *Broker) Log() string {
	text, err := os.ReadFile(b.logPath())
	if err != nil {
		return ""
	}
	return string(text)
}

func (b *Broker) logPath() string { return filepath.Join(b.options.Dir, "broker.log") }

// Exited is closed when the process ends by itself or by a signal. It is nil while the broker is not running.
func (b *Broker) Exited() <-chan struct{} {
	if b.process == nil {
		return nil
	}
	return b.process.done
}

// Stop asks the broker to end (SIGTERM) and waits; an exit code other than 0 (143 for Java) is an error.
func (b *Broker) Stop() error {
	if b.process == nil {
		return ErrNotRunning
	}
	p := b.process
	if err := b.endProcess(syscall.SIGTERM); err != nil {
		return err
	}
	code := p.cmd.ProcessState.ExitCode()
	if code == 0 || code == 143 || b.options.Kind == Kafka {
		return nil
	}
	return fmt.Errorf("stop %s: %s", b.options.Kind, p.cmd.ProcessState)
}

// Await waits until the broker ends by itself and returns its exit code; it can be restarted then.
func (b *Broker) Await(ctx context.Context) (exitCode int, err error) {
	if b.process == nil {
		return 0, ErrNotRunning
	}
	select {
	case <-b.process.done:
		code := b.process.cmd.ProcessState.ExitCode()
		b.process = nil
		return code, nil
	case <-ctx.Done():
		return 0, fmt.Errorf("await the end of %s: %w", b.options.Kind, context.Cause(ctx))
	}
}

// Kill ends the broker as a crash would (SIGKILL) and waits until it is gone.
func (b *Broker) Kill() error {
	if b.process == nil {
		return ErrNotRunning
	}
	return b.endProcess(syscall.SIGKILL)
}

// endProcess sends one signal and waits; a process that ignores it for stopTimeout is killed, which is an error.
func (b *Broker) endProcess(signal syscall.Signal) error {
	p := b.process
	b.process = nil
	return p.end(signal, stopTimeout)
}

// Restart starts the broker again on the same directory and port, with the same settings. It must not be running.
func (b *Broker) Restart(ctx context.Context) error {
	if b.process != nil {
		return ErrRunning
	}
	return b.start(ctx)
}

// SetOverride changes one key for the next Restart.
func (b *Broker) SetOverride(key, value string) {
	overrides := maps.Clone(b.options.Overrides)
	if overrides == nil {
		overrides = map[string]string{}
	}
	overrides[key] = value
	b.options.Overrides = overrides
}

// SetWrapper changes what is put before the broker's command at the next Restart.
func (b *Broker) SetWrapper(wrapper ...string) { b.options.Wrapper = wrapper }

// Close kills the broker if it runs, gives its ports back and removes its directory if the launcher made it. It is called once.
func (b *Broker) Close() error {
	var errs []error
	if b.process != nil {
		errs = append(errs, b.Kill())
	}
	for _, p := range b.ports {
		errs = append(errs, p.Close())
	}
	if b.ownsDir {
		errs = append(errs, os.RemoveAll(b.options.Dir))
	}
	return errors.Join(errs...)
}

// settings are the launcher's keys with the caller's overrides on top, as sorted key=value.
func (b *Broker) settings(base map[string]string) []string {
	merged := maps.Clone(base)
	maps.Copy(merged, b.options.Overrides)
	lines := make([]string, 0, len(merged))
	for _, key := range slices.Sorted(maps.Keys(merged)) {
		lines = append(lines, key+"="+merged[key])
	}
	return lines
}

// tail returns at most the last n bytes of text.
func tail(text string, n int) string { return text[max(0, len(text)-n):] }
