package main

import (
	"errors"
	"flag"

	"github.com/clatterhq/clatter/logstore/local/dump"
)

const dumpHelp = `Usage: clatter dump [--records] FILE...

Prints files of a log directory as text: segments (.log), indexes (.index, .timeindex, .txnindex), producer
snapshots (.snapshot), checkpoints, meta.properties, partition.metadata, the clean-shutdown marker and the
offsets file. Files are only read, so the broker may be running.

  --records   print each record of a segment, not only the batches
`

// dump prints files, and goes on with the next one where one can't be printed.
func (p *process) dump() int {
	flags := flag.NewFlagSet("dump", flag.ContinueOnError)
	records := flags.Bool("records", false, "")
	if code, ok := p.parse(flags, dumpHelp); !ok {
		return code
	}
	if len(p.args) == 0 {
		return p.fail(exitUsage, errors.New("dump: which file? clatter dump --help tells more"))
	}
	code := exitOK
	for _, path := range p.args {
		if err := dump.File(p.stdout, path, dump.Options{Records: *records}); err != nil {
			code = p.fail(exitFailure, err)
		}
	}
	return code
}
