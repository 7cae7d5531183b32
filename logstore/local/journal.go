package local

import (
	"errors"
	"io"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/vfs"
)

const (
	// journalLogs is of how many logs a commit must be to go into the journal. The sync of one file costs what that of the journal does,
	// and is needed once.
	journalLogs = 2
	// journalLogBytes bounds what a log may have appended since its last commit: large writes are copied for nothing.
	journalLogBytes = 32 << 10
	// journalCommitBytes bounds one commit. Logs beyond it are synced themselves.
	journalCommitBytes = 512 << 10
	// journalBytes is how long the journal gets before its segments are synced and it begins anew, and journalSegments how many of these
	// there may be: the next commit waits for them.
	journalBytes    = 4 << 20
	journalSegments = 256
	// maxJournalBytes bounds what is read of a journal at a start.
	maxJournalBytes = 4 * journalBytes
	// journalIdle is how long after a commit the segments are synced if nobody appends any more.
	journalIdle = time.Second
)

// journal makes a commit of many small appends durable by one sync: their bytes are written to one file once more, that is
// synced, and their segments are later, all at once (format.JournalFile). A sync costs the same however little is written, so fifty shards of a
// coordinator would have fifty of them for each round of their transactions.
//
// Its rule: what is in the journal and wasn't synced in its segment is put there again by the next start, before it looks at
// the logs (journal_replay.go). So nobody may change such bytes, or put another file in the place of theirs, before settle: an append
// doesn't, compaction asks for it, and whoever deletes a segment takes its name away for good.
//
// It belongs to the goroutine of the syncer, but for what is atomic.
type journal struct {
	dir  *logDir
	file vfs.File // nil until it is needed
	size int64
	// before is the size before the commit that is being done.
	before int64
	// writer and sequence are of the last commit (format.SealJournalCommit).
	writer   uint64
	sequence uint64
	// held are the segments that settle will sync, each held open: the error of a failed writeback must find the descriptor that wrote.
	held   map[*segment]struct{}
	buffer []byte
	// limit is how long it gets: [journalBytes].
	limit int64
	// used is when something was written, in ms, 0 while the journal is empty. timed says that rest will be called.
	used  atomic.Int64
	timed atomic.Bool
}

// pick moves the jobs that go into the journal to the front, and returns how many these are.
func (j *journal) pick(jobs []flushJob) int {
	n, bytes := 0, int64(0)
	for i := range jobs {
		size, small := jobs[i].small()
		if !small || bytes+size > journalCommitBytes || n == journalSegments {
			continue
		}
		bytes += size
		jobs[n], jobs[i] = jobs[i], jobs[n]
		n++
	}
	if n < journalLogs {
		return 0
	}
	return n
}

// small reports whether a job is nothing but a few bytes behind what is durable of the active segment, and how many.
func (j *flushJob) small() (size int64, ok bool) {
	if j.active == nil || j.err != nil || j.from < 0 || j.newNames || j.newFolder || j.newEpochs || len(j.segments)+len(j.snapshots) > 0 {
		return 0, false
	}
	size = j.at.pos - j.from
	return size, size > 0 && size <= journalLogBytes
}

// write makes the jobs durable. It takes their hold on the segments over. full says that there is no room for
// it, and nothing was done.
func (j *journal) write(jobs []flushJob) (full bool, err error) {
	p, err := j.encode(jobs)
	if err != nil {
		return false, err
	}
	if full, err := j.append(p); full || err != nil {
		return full, err
	}
	if err := j.file.Sync(); err != nil {
		return false, err
	}
	for i := range jobs {
		s := jobs[i].active
		if _, twice := j.held[s]; !twice {
			j.held[s] = struct{}{}
			jobs[i].active = nil
		}
	}
	return false, nil
}

// encode makes the bytes of a commit, from the segments themselves.
func (j *journal) encode(jobs []flushJob) ([]byte, error) {
	p := format.BeginJournalCommit(j.buffer[:0])
	for i := range jobs {
		job := &jobs[i]
		e := format.JournalEntry{
			TopicID: job.log.topic.id, Folder: job.writer.folder.name, BaseOffset: job.active.baseOffset, Position: job.from,
		}
		var room []byte
		p, room = format.AppendJournalEntry(p, &e, int(job.at.pos-job.from))
		if n, err := job.active.data.file.ReadAt(room, job.from); n < len(room) {
			return nil, errors.Join(io.ErrUnexpectedEOF, err)
		}
	}
	if j.sequence == 0 {
		j.writer = j.dir.store.options.random()
	}
	format.SealJournalCommit(p, j.writer, j.sequence+1)
	if j.buffer = p[:0]; cap(p) > journalLogBytes {
		j.buffer = nil
	}
	return p, nil
}

// append writes a commit to the end of the journal. full says that there is no room.
func (j *journal) append(p []byte) (full bool, err error) {
	if j.file == nil {
		if full, err := j.open(); full || err != nil {
			return full, err
		}
	}
	if _, err := j.file.WriteAt(p, j.size); err != nil {
		if undo := j.file.Truncate(j.size); undo != nil {
			return false, errors.Join(err, undo)
		}
		if vfs.IsNoSpace(err) {
			return true, nil
		}
		return false, err
	}
	j.sequence++
	j.size += int64(len(p))
	j.used.Store(time.Now().UnixMilli())
	j.restAfter(journalIdle)
	return false, nil
}

// open opens or makes the file, which is empty. Its name is durable before anything is in it.
func (j *journal) open() (full bool, err error) {
	file, err := j.dir.fs.Open(format.JournalFile)
	if errors.Is(err, fs.ErrNotExist) {
		file, err = j.dir.fs.Create(format.JournalFile)
	}
	if vfs.IsNoSpace(err) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	if err := j.dir.fs.SyncDir(""); err != nil {
		return false, errors.Join(err, file.Close())
	}
	j.file, j.held = file, map[*segment]struct{}{}
	return false, nil
}

// begin notes where a commit begins, for undo.
func (j *journal) begin() { j.before = j.size }

// undo takes back what the commit that is being done has written, as far as that still works: it has failed.
func (j *journal) undo() {
	if j.before >= j.size {
		return
	}
	if err := errors.Join(j.file.Truncate(j.before), j.file.Sync()); err != nil {
		j.dir.store.log.Warn("batches that were not acknowledged could not be taken back from the journal", "error", err)
	}
}

// restAfter has rest called later, if it isn't going to be.
func (j *journal) restAfter(delay time.Duration) {
	if !j.timed.Swap(true) {
		j.dir.store.timers.after(delay, j.rest)
	}
}

// rest has the segments synced when nothing was written for a while: then the logs are whole without the journal.
func (j *journal) rest() {
	j.timed.Store(false) // Who writes from here on calls it again.
	used := j.used.Load()
	switch left := journalIdle - time.Since(time.UnixMilli(used)); {
	case used == 0: // Somebody else did.
	case left > 0:
		j.restAfter(left)
	default:
		j.dir.syncer.settle()
	}
}

// isFull reports whether it is time to begin anew.
func (j *journal) isFull() bool {
	return j.size > j.limit || len(j.held) > journalSegments || len(j.held) > 0 && j.dir.store.files.crowded()
}

// settle syncs the segments of everything that is in the journal, and empties it.
func (j *journal) settle() error {
	if j.size == 0 {
		return nil
	}
	files := make([]vfs.File, 0, len(j.held))
	for s := range j.held {
		files = append(files, s.data.file)
	}
	if err := syncFiles(files); err != nil {
		return err
	}
	// Only now, and durably: what is changed from here on must not be changed back.
	if err := errors.Join(j.file.Truncate(0), j.file.Sync()); err != nil {
		return err
	}
	j.release()
	j.size, j.before = 0, 0
	j.used.Store(0)
	return nil
}

// release lets go of the segments.
func (j *journal) release() {
	for s := range j.held {
		s.data.release()
	}
	clear(j.held)
}

// close gives everything back, when the syncer's goroutine has gone.
func (j *journal) close() error {
	j.release()
	if j.file == nil {
		return nil
	}
	file := j.file
	j.file = nil
	return file.Close()
}
