// Package catalog knows which topics there are, and what was configured while the
// broker ran. It is the truth: a store keeps the partitions that the catalog tells it
// of, and never invents or deletes one by itself.
//
// What it owns: topics (name, ID, number of partitions, own keys), topics that are
// being deleted, dynamic keys of brokers, groups and client metrics subscriptions,
// blocks of producer IDs, the cluster ID and the number of this node. All replicas of
// all partitions are on this broker, so nothing is kept per partition but the count.
// Access control lists, users and quotas will be further buckets and further fields of
// the image.
//
// Invariants, by name:
//
//   - Durable: when a method that changes something returns nil, the change survives a
//     power cut, and [Catalog.Image] shows it.
//   - Image: an [Image] never changes. Reading it takes no lock, and looking a topic up
//     allocates nothing.
//   - Order: changes are committed one batch after the other; [Options.OnChange] is
//     told of them in that order, before the image shows them.
//   - Never twice: a block of producer IDs is stored before it is handed out.
//   - No orphans: a deleted topic stays in [Image.Deleting] until [Catalog.FinishDelete],
//     also over a crash, so that its files are found and removed.
//
// Any goroutine may call any method. Changes that are asked for while another is
// being synced to disk share the next sync.
//
// # The file
//
// The embedded catalog is one bbolt file, written copy-on-write with two syncs per
// batch. Buckets and keys, numbers big-endian:
//
//	meta      format           "clatter catalog" and the version, uint32
//	          cluster.id       text
//	          node.id          int32
//	          producer.id.next int64, the first ID that was never handed out
//	          digest           count of all other records, uint64, and the sum of the
//	                           CRC-32Cs of bucket, key and value of each, uint64
//	topics    topic ID, 16 bytes             -> topic record
//	deleting  topic ID, 16 bytes             -> topic record
//	configs   resource type, byte, and name  -> map record
//
// Every record begins with its version, a byte, and ends in the CRC-32C of bucket,
// key and everything before it. Between them are
//
//	topic record  uvarint partitions, text name, map of the topic's own keys
//	map record    map
//	map           uvarint count, then text key and text value, sorted by key
//	text          uvarint length, bytes
//
// bbolt checks only the page at its root, so a file is examined as a whole before bbolt
// opens it: pages, then the digest, then every record. Anything odd refuses the start,
// and nothing has been written then.
//
// The folder kraft reads topics from the metadata log of an Apache Kafka, so that they can be taken over.
//
// Start reading at catalog.go, then image.go; combine.go has the writing order.
package catalog
