package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
)

// version is set by the linker.
var version = "devel"

// Exit codes, as README lists them.
const (
	exitOK      = 0
	exitFailure = 1 // something outside is in the way
	exitUsage   = 2 // the command line or the configuration is wrong
)

const usage = `Clatter is a Kafka broker in one binary.

Usage:

  clatter [serve] [--config FILE] [--override key=value]... [--memory]
  clatter health [--bootstrap-server HOST:PORT]
  clatter dump [--deep-iteration] [--print-data-log] FILE...
  clatter dump --verify DIR...
  clatter import [--config FILE] [--override key=value]...
  clatter version

serve     run the broker until it is interrupted; the default command
health    exit 0 if a broker answers, 1 if none does
dump      print segments, indexes, snapshots, checkpoints and markers as text, or check all of a directory
import    take over the log directories of a stopped Apache Kafka
version   print the version

"clatter COMMAND --help" tells more of a command.
`

// process is what a command has of the world around it.
type process struct {
	args    []string // without the command
	environ []string
	stdout  io.Writer
	stderr  io.Writer
}

func main() {
	os.Exit(run(os.Args[1:], process{environ: os.Environ(), stdout: os.Stdout, stderr: os.Stderr}))
}

// run runs one command and returns the exit code.
func run(args []string, p process) int {
	command := "serve"
	if len(args) > 0 && (!strings.HasPrefix(args[0], "-") || isHelp(args[0])) {
		command, args = args[0], args[1:]
	}
	p.args = args
	switch command {
	case "serve":
		return p.serve()
	case "health":
		return p.health()
	case "dump":
		return p.dump()
	case "import":
		return p.importKafka()
	case "version":
		return p.version()
	case "help", "-h", "-help", "--help":
		p.say(usage)
		return exitOK
	default:
		return p.fail(exitUsage, fmt.Errorf("unknown command %q; clatter --help lists all", command))
	}
}

func isHelp(arg string) bool { return arg == "-h" || arg == "-help" || arg == "--help" }

func (p *process) version() int {
	if code, ok := p.parse(flag.NewFlagSet("version", flag.ContinueOnError), "Usage: clatter version\n"); !ok {
		return code
	}
	p.say(fmt.Sprintf("clatter %s %s/%s %s\n", version, runtime.GOOS, runtime.GOARCH, runtime.Version()))
	return exitOK
}

// say prints what was asked for. That nobody reads it isn't our problem.
func (p *process) say(text string) { _, _ = io.WriteString(p.stdout, text) }

// fail prints one line about what is wrong and returns the exit code.
func (p *process) fail(code int, err error) int {
	line := strings.ReplaceAll(err.Error(), "\n", "; ")
	_, _ = fmt.Fprintf(p.stderr, "clatter: %s\n", line)
	return code
}

// parse parses the arguments of a command. If ok is false the command ends with the code: help was asked
// for, or the arguments are wrong.
func (p *process) parse(flags *flag.FlagSet, help string) (code int, ok bool) {
	flags.SetOutput(io.Discard)
	err := flags.Parse(p.args)
	p.args = flags.Args()
	switch {
	case err == nil:
		return exitOK, true
	case errors.Is(err, flag.ErrHelp):
		p.say(help)
		return exitOK, false
	default:
		return p.fail(exitUsage, fmt.Errorf("%s: %w", flags.Name(), err)), false
	}
}

// noMore refuses arguments that nothing asks for.
func (p *process) noMore(command string) error {
	if len(p.args) > 0 {
		return fmt.Errorf("%s: unexpected argument %q", command, p.args[0])
	}
	return nil
}
