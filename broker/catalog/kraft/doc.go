// Package kraft reads what the metadata log of an Apache Kafka in KRaft mode (KIP-631) says about topics, so that its
// log directories can be taken over: names, IDs, partitions and own keys of topics, and the producer IDs that were handed out.
//
// It only reads. What it doesn't know is passed over: brokers, users, access control lists, quotas and features.
//
// Start reading at kraft.go.
package kraft
