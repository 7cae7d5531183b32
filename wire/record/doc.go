// Package record is Kafka's record batch, magic 2 (KIP-98), as bytes: one view that
// produce, fetch, disk and coordinators share. It knows no sockets, no files and no
// server state, and imports nothing of ours. format.md beside this file draws the bytes.
//
// Three levels, from cheap to dear:
//
//   - [Batch] and [Header] read the 61 header bytes in place. Offsets and leader epoch may
//     be set without touching the CRC, the append time by combining CRCs, so that
//     neither ever reads the payload again.
//   - [Validate] decides whether a producer's bytes may enter a log: the checks, their
//     order and the outcome of Kafka's own broker, in one CRC pass and one walk that
//     touches lengths only.
//   - [Batch.Records], [Builder] and [Recompress] look into the payload and make new ones.
//
// Invariants:
//
//   - Bounded: every length, count and size field is checked against the bytes that are
//     there before it is used. Nothing is allocated by a declared size; a decompressor
//     stops at a limit that the caller gives.
//   - No aliasing surprises: a Batch is a view of the caller's slice and so is a Record of
//     an uncompressed batch. Memory taken from a pool never leaves the package.
//   - A CRC is only ever combined or computed over bytes that this package wrote: patching a header
//     can't make a damaged payload look sound.
//
// All functions may be called by any number of goroutines at once; a Batch has whatever
// owner its bytes have. Start reading at batch.go, then validate.go.
package record
