// Package local keeps partitions in segments on local disks, in the on-disk formats of
// Apache Kafka. It is the embedded store; in memory mode it runs unchanged on a disk in memory.
//
// It owns the log directories and everything in them. Topics come from the catalog;
// what lies in a directory and isn't in the catalog is left alone.
//
// # Invariants
//
//   - Data first: batches are written, then index entries that point at them, then checkpoints. Recovery
//     trusts batches alone; every other file is a cache that is rebuilt when in doubt, and
//     nothing is deleted because a cache is missing or wrong.
//   - Durable watermark: with group commit the high watermark moves after the sync of the segment, of its
//     name, of its folder's name, and of the partition's place in the offsets file. Many small appends are synced in the journal instead, once for
//     all; what is there and not in its segment yet is nobody's to change.
//   - One failure is final: after a failed write or sync a directory acknowledges nothing more, because nobody knows what
//     the kernel did with the pages. A full disk isn't a failure.
//   - Damage isn't a torn tail: what is invalid at or behind the durable end is cut, what is invalid below it is kept,
//     reported, and read around.
//   - Names are lent: a topic that is deleted has nobody left who opens, renames or makes files by the name of its folder when that is renamed,
//     because the next topic may have the name.
//   - No offset twice: a log that lost its end goes on behind it.
//   - Pay for use: a partition without records is a slot of eight bytes until somebody asks for it, and a log that
//     nobody touched since a clean stop is an entry of the marker. There is no goroutine, timer or mapping per partition.
//
// # Locks
//
// A log has one writer lock, held across the I/O of an append. Readers take none that anybody holds across I/O: they load a view, which is
// immutable and made of the latest changes by the first who looks. Deletions of one log exclude each other by a lock that is taken before
// the writer lock; compactions of one log exclude each other by one that is taken before that. Locks of the syncer, of the open files, of the timers, of the remover, of views, waiters and hints are leaves: whoever holds
// one takes no other.
//
// # Where to start
//
// log.go and view.go for the shape, log_append.go, syncer.go and journal.go for the way of a record to the disk, log_read.go for the way
// back, logdir_open.go and recovery.go for the start, retention.go, delete.go and remove.go for the end. format/format.md draws
// the files, recovery.md numbers the steps of a start.
//
// Compaction is in the files that begin with clean: cleaner.go finds what to clean and when, clean_plan.go how much of a log, clean.go
// does it by the rules of logstore/compaction, clean_pace.go keeps it out of the way of requests, clean_swap.go puts the result in place, and clean_recovery.go finishes or undoes that at a
// start.
package local
