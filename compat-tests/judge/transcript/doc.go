// Package transcript turns Kafka messages into text that people review and programs compare.
//
// A message becomes a tree ([Node]): every field that exists in the message's version, in the order of the message,
// with the names of kmsg. What must differ between two brokers (ids, addresses, the present time) is replaced by a
// symbol that keeps its identity: a topic id shows as <id:NAME> of the topic it belongs to, so that a wrong id is
// still a difference. Record batches are taken apart to their records.
//
// A tree prints as nested text with short structs on one line, parses back ([Parse]) and flattens into path = value lines
// ([Flatten]), where elements of an array are named by what identifies them (a topic's name, a partition's number)
// rather than by position.
package transcript
