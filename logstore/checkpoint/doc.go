// Package checkpoint is the text format of Kafka's checkpoint files
// (CheckpointFile.java): a line with the version, a line with the number of
// entries, then one entry per line, its fields separated by spaces.
//
//	0
//	2
//	orders 0 1204
//	orders 1 980
//
// There is no checksum: a checkpoint is a cache that the log itself can replace. Readers refuse
// what they don't understand. What the fields mean is the caller's: logstore/epoch has leader
// epochs, logstore/local/format has offsets of partitions.
package checkpoint
