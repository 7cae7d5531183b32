package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/clatterhq/clatter/broker/catalog"
	"github.com/clatterhq/clatter/coordinator/schema"
	"github.com/clatterhq/clatter/logstore/local"
	"github.com/clatterhq/clatter/logstore/local/dump"
	"github.com/clatterhq/clatter/logstore/local/format"
)

const dumpHelp = `Usage: clatter dump [flags] FILE...
       clatter dump --verify DIR...

Prints files of a log directory as text, as kafka-dump-log does: segments (.log), indexes (.index, .timeindex,
.txnindex), producer snapshots (.snapshot); besides checkpoints, meta.properties, partition.metadata, the clean-shutdown
marker and the offsets file. Files are only read, so the broker may be running.

  --deep-iteration         print each record of a segment, not only the batches
  --print-data-log         print keys and values too; implies --deep-iteration
  --offsets-decoder        print records of __consumer_offsets as JSON; implies --print-data-log
  --transaction-log-decoder  the same for __transaction_state
  --skip-record-metadata   with --print-data-log: print nothing else of a record
  --index-sanity-check     say of an index only whether it holds
  --verify-index-only      print no entries of an index
  --files FILE,...         the files, as kafka-dump-log takes them
  --verify                 check every file of a log directory, or of the folder of one partition: one line per damage, and
                           exit code 1 if there is any. What a start would cut, because it never was durable, is no damage.
`

// dump prints files, and goes on with the next one where one can't be printed.
func (p *process) dump() int {
	flags := flag.NewFlagSet("dump", flag.ContinueOnError)
	var options dump.Options
	flags.BoolVar(&options.Deep, "deep-iteration", false, "")
	flags.BoolVar(&options.Data, "print-data-log", false, "")
	flags.BoolVar(&options.SkipMetadata, "skip-record-metadata", false, "")
	flags.BoolVar(&options.SanityOnly, "index-sanity-check", false, "")
	flags.BoolVar(&options.VerifyOnly, "verify-index-only", false, "")
	offsets := flags.Bool("offsets-decoder", false, "")
	transactions := flags.Bool("transaction-log-decoder", false, "")
	files := flags.String("files", "", "")
	verify := flags.Bool("verify", false, "")
	if code, ok := p.parse(flags, dumpHelp); !ok {
		return code
	}
	if *files != "" {
		p.args = append(strings.Split(*files, ","), p.args...)
	}
	if len(p.args) == 0 {
		return p.fail(exitUsage, errors.New("dump: which file? clatter dump --help tells more"))
	}
	if *verify {
		return p.verify()
	}
	switch {
	case *offsets:
		options.Data, options.Decode = true, schema.Offsets
	case *transactions:
		options.Data, options.Decode = true, schema.Transactions
	}
	code := exitOK
	for _, path := range p.args {
		if err := dump.File(p.stdout, path, options); err != nil {
			code = p.fail(exitFailure, err)
		}
	}
	return code
}

// verify checks directories and prints a line for each damage.
func (p *process) verify() int {
	code := exitOK
	for _, path := range p.args {
		err := p.verifyDir(path, func(line string) {
			p.say(line + "\n")
			code = exitFailure
		})
		if err != nil {
			code = p.fail(exitFailure, err)
		}
	}
	return code
}

// verifyDir checks a log directory with its catalog, or the folder of a partition.
func (p *process) verifyDir(path string, tell func(line string)) error {
	report := func(dir string) func(local.Damage) {
		return func(d local.Damage) { tell(filepath.Join(dir, "") + string(filepath.Separator) + d.String()) }
	}
	path = filepath.Clean(path)
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	_, _, stage, isPartition := format.ParsePartitionDir(filepath.Base(path))
	if isPartition && stage == format.Live && slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		return strings.HasSuffix(e.Name(), string(format.LogSuffix))
	}) {
		dir := filepath.Dir(path)
		return local.Verify(local.ReadOnlyDir(dir), []string{filepath.Base(path)}, report(dir))
	}
	if !slices.ContainsFunc(entries, isOfLogDirectory) {
		return fmt.Errorf("%s: %w", path, errNoLogDirectory)
	}
	if err := catalog.Inspect(filepath.Join(path, catalog.FileName)); err != nil && !errors.Is(err, os.ErrNotExist) {
		tell(fmt.Sprint(err))
	}
	return local.Verify(local.ReadOnlyDir(path), nil, report(path))
}

// errNoLogDirectory says of a directory that there is nothing to check in it: a wrong path, or one where no disk is mounted.
var errNoLogDirectory = errors.New("not a log directory: it has no partitions, no meta.properties and no catalog")

// isOfLogDirectory tells the entries of a log directory from others.
func isOfLogDirectory(e os.DirEntry) bool {
	if !e.IsDir() {
		return e.Name() == catalog.FileName || e.Name() == format.MetaPropertiesFile
	}
	return isPartition(e)
}

// isPartition tells the folders of partitions from other entries.
func isPartition(e os.DirEntry) bool {
	_, _, stage, ok := format.ParsePartitionDir(e.Name())
	return e.IsDir() && ok && stage == format.Live
}
