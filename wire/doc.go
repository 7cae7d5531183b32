// Package wire is Kafka's protocol as data: frames, headers, the table of APIs,
// error codes, and the way from bytes to messages and back. It holds no sockets
// and no server state. Every function may be called from any goroutine at once.
//
// The messages are kmsg's. kmsg is made for clients, which trust their broker: it
// believes every count that it reads. So a request's body is walked first by
// [Guard], which knows the shape of every message and refuses what the bytes at
// hand cannot hold or what would cost too much memory once decoded. Those shapes
// are derived from kmsg's own code by wire/internal/guardgen, and a test compares
// them with Kafka's.
//
// Invariants:
//
//   - Bound before allocation: no length, count or version that a peer declares
//     is used before it is compared with what is there.
//   - A body that Guard accepts is decoded by kmsg without error, and
//     costs no more memory than Guard has counted.
//   - Byte slices in decoded messages alias the frame; strings do not.
//   - A fetch response is a list of chunks, so that records go from their file to
//     the socket without a copy.
//
// The way of a request: [FrameSize] or [ReadFrame], [ParseRequestHeader],
// [APIByKey], [DecodeRequest]; of an answer: [AppendResponse] or
// [FetchResponse.Encode]. Start reading at codec.go.
package wire

//go:generate go run ./internal/guardgen -o guard_gen.go
