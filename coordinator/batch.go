package coordinator

import (
	"fmt"
	"log/slog"
	"slices"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire/record"
)

// maxBatchBytes is when a batch is appended although a commit is under way. A single command may exceed it: the state of a
// group of thousands is one record, and nothing that was decided is refused for its size.
const maxBatchBytes = 1 << 20

// batch is the records of commands that don't depend on each other: one record batch, one append, one commit.
type batch[R any] struct {
	records []R
	answers []func(error)
	told    int // how many of them have been called
	// claims says what the commands were about, and whether all commands with that key were shared.
	claims map[string]bool
	commit logstore.Commit // nil: durable already
	// transaction is what the records are part of, or what ends. The batch is appended at once then.
	transaction *Transaction
}

// writer makes record batches of the open batch's records. There is one open batch at a time, so a shard has one writer,
// and its memory serves again as soon as the log has taken the bytes.
type writer struct {
	builder *record.Builder
	bytes   []byte
	key     []byte
	value   []byte
}

// idleWriterBytes bounds the memory that an idle shard keeps for writing.
const idleWriterBytes = 4096

func (w *writer) trim() {
	if cap(w.bytes)+cap(w.key)+cap(w.value) > idleWriterBytes {
		*w = writer{}
	}
}

// size is that of the open batch in bytes.
func (w *writer) size() int {
	if w.builder == nil {
		return 0
	}
	return w.builder.Size()
}

// conflicts reports whether a command with this key could see a difference between before and after the batch.
func (b *batch[R]) conflicts(key string, shared bool) bool {
	if len(b.claims) == 0 {
		return false
	}
	if key == "" {
		return true
	}
	if _, all := b.claims[""]; all {
		return true
	}
	allShared, claimed := b.claims[key]
	return claimed && (!allShared || !shared)
}

func (b *batch[R]) claim(key string, shared bool) {
	before, claimed := b.claims[key]
	b.claims[key] = shared && (before || !claimed)
}

// answer tells all commands of the batch what became of it, once.
func (b *batch[R]) answer(err error) {
	for b.told < len(b.answers) {
		a := b.answers[b.told]
		// Whatever happens in there: nobody is answered twice, and the next ones can be.
		b.told++
		a(err)
	}
}

// newBatch is a batch without commands. The memory of the last one that was answered serves again.
func (s *shard[M, R]) newBatch() *batch[R] {
	if b := s.spare; b != nil {
		s.spare = nil
		return b
	}
	return &batch[R]{claims: make(map[string]bool, 1)}
}

// answered keeps the memory of a batch of which nobody will hear any more, unless it was a large one.
func (s *shard[M, R]) answered(b *batch[R]) {
	if cap(b.answers) > idleCommands || cap(b.records) > idleCommands || len(b.claims) > idleCommands {
		return
	}
	clear(b.answers)
	clear(b.claims)
	*b = batch[R]{records: b.records[:0], answers: b.answers[:0], claims: b.claims}
	s.spare = b
}

// add puts the records of a decision into the open batch.
func (s *shard[M, R]) add(c *Command[M, R], d *Decision[R]) {
	if s.open != nil && s.writer.size() >= maxBatchBytes {
		s.append()
		if !s.loaded { // What was decided on is gone.
			if d.Answer != nil {
				d.Answer(ErrLoading)
			}
			return
		}
	}
	s.collect(c, d)
}

// collect puts the records of a decision into the open batch, whatever is in there.
func (s *shard[M, R]) collect(c *Command[M, R], d *Decision[R]) {
	if s.open == nil {
		s.open = s.newBatch()
	}
	w := &s.writer
	if w.builder == nil {
		w.builder = record.NewBuilder()
		w.builder.Codec = s.runtime.options.Codec
		w.builder.BaseSequence = 0 // Coordinators have no sequence numbers, and this is what Kafka writes.
	}
	b := s.open
	b.claim(c.Key, c.Shared)
	if d.Answer != nil {
		b.answers = append(b.answers, d.Answer)
	}
	now := s.timers.Now().UnixMilli()
	for _, r := range d.Records {
		key, value := s.runtime.options.Format.Encode(w.key[:0], w.value[:0], r)
		w.builder.Append(now, key, value)
		w.key = key
		if value != nil { // A tombstone brings no memory back.
			w.value = value
		}
		b.records = append(b.records, r)
	}
}

// append writes the open batch to the log and its records into the state.
func (s *shard[M, R]) append() {
	b := s.open
	ticket, err := s.write(b.transaction)
	if err != nil {
		b.answer(err)
		s.open = nil
		// An append that failed isn't in the log and never will be, so the state stands; but where the log is gone, it goes too.
		if !stands(err) {
			s.unload(err)
		}
		return
	}
	s.open = nil
	b.commit = ticket.Commit
	s.flights = append(s.flights, b)
	if err := s.replay(b, ticket.Result.BaseOffset); err != nil {
		// The machine doesn't understand its own decision. What loading makes of it is the truth.
		s.runtime.options.Log.Error("coordinator decided on a record that makes no sense",
			slog.Int("shard", int(s.index)), slog.Any("error", err))
		s.unload(fmt.Errorf("%w: %w: %w", ErrLost, ErrFailed, err))
		return
	}
	clear(b.records)
	b.records = b.records[:0]
}

// replay applies the records of a batch that was appended.
func (s *shard[M, R]) replay(b *batch[R], baseOffset int64) error {
	if b.transaction != nil {
		return s.replayTransactional(b, baseOffset)
	}
	for i, r := range b.records {
		if err := s.machine.Replay(baseOffset+int64(i), r); err != nil {
			return err
		}
	}
	return nil
}

// write appends the open batch, which may be part of a transaction.
func (s *shard[M, R]) write(t *Transaction) (logstore.Ticket, error) {
	o := logstore.AppendOptions{Now: s.timers.Now().UnixMilli(), Origin: logstore.Coordinator}
	var batch record.Batch
	var err error
	if t == nil {
		batch, err = s.writer.builder.Build(s.writer.bytes[:0])
	} else {
		batch, err = s.writer.buildTransactional(t)
		o.Verification = t.Verification
		if t.End != nil {
			o.TransactionVersion = t.End.TransactionVersion
		}
	}
	if err != nil {
		return logstore.Ticket{}, err
	}
	if len(batch) > cap(s.writer.bytes) {
		s.writer.bytes = batch
	}
	return s.log.Append(batch, o)
}

// complete answers what has become durable.
func (s *shard[M, R]) complete() {
	for len(s.flights) > 0 {
		b := s.flights[0]
		if b.commit != nil {
			select {
			case <-b.commit.Done():
			default:
				return
			}
			if err := b.commit.Err(); err != nil {
				// What was replayed isn't in the log. The state goes, and with it whatever was decided on its grounds.
				s.unload(err)
				return
			}
		}
		b.answer(nil)
		s.flights = slices.Delete(s.flights, 0, 1)
		s.answered(b)
	}
}
