// Package format is the files around the log segments, as bytes: indexes, checkpoints,
// metadata, names, and the clean-shutdown marker. format.md beside this file draws them all.
//
// All but the marker, the offsets file, the journal and the sums of transaction indexes are Kafka's own formats, so that Kafka's
// tools read them. Those are ours, and carry magic, version and CRC.
//
// The codecs are pure, and bound what they allocate by the size of what they are given.
// What they let pass is consistent in itself; whether it is true only the log can
// tell, and every file but the metadata can be rebuilt from it.
//
// The transaction index and the producer snapshot are in logstore/producer, the
// leader-epoch checkpoint in logstore/epoch, next to the state that they hold.
package format
