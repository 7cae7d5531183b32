// Package vfs is the only way to the disk. The operating system, a memory disk
// that can be cloned as a crash would leave it, and a wrapper that fails chosen
// operations all stand behind [FS], so that the store has one implementation of
// segments and tests can cut the power at any sync.
//
// What counts as durable is strict: bytes after File.Sync, names after
// FS.SyncDir of their parent. A store that relies on more passes on ext4 and fails
// on the memory disk.
//
// Three things stand behind the interfaces:
//
//   - [OS] is the operating system; what differs between systems is in os_*.go.
//   - [Memory] is a disk in memory, for tests and, [Volatile], for production: then in an arena outside the heap.
//   - [Inject] fails, delays and watches operations of any other.
//
// Start reading at vfs.go.
package vfs
