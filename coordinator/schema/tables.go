package schema

import "sync"

// Types of fields.
type kind uint8

const (
	text kind = iota
	int8Kind
	int16Kind
	int32Kind
	int64Kind
	uuidKind
	bytesKind
	structKind
	// subscriptionKind and assignmentKind are bytes that are shown as what they hold if members speak the consumer protocol.
	subscriptionKind
	assignmentKind
)

// always is the first version of a field that all versions have, never that of what no version has.
const (
	always = 0
	never  = 1 << 14
)

// field is one field of a message (the JSON files of Kafka's message generator).
type field struct {
	name  string
	kind  kind
	array bool
	// from and to are the versions that have the field; to is 0 for no end.
	from, to int16
	// nullable is the first version in which it may be null.
	nullable int16
	// tagged says that it is found among the tags of flexible versions, under tag. It isn't shown where it is missing.
	tagged bool
	tag    uint64
	fields []field
}

// message is a record's key or value.
type message struct {
	// latest is the last version that is known, flexible the first that is flexible (KIP-482).
	latest, flexible int16
	fields           []field
}

// plain is a field of all versions that is never null.
func plain(name string, k kind) field { return field{name: name, kind: k, nullable: never} }

func orNull(name string, k kind) field { return field{name: name, kind: k} }

func since(version int16, f field) field {
	f.from = version
	return f
}

func list(f field) field {
	f.array = true
	return f
}

func tagged(tag uint64, f field) field {
	f.tagged, f.tag = true, tag
	return f
}

func structure(name string, fields ...field) field {
	return field{name: name, kind: structKind, nullable: never, fields: fields}
}

func key(fields ...field) message { return message{flexible: never, fields: fields} }

func value(fields ...field) message { return message{fields: fields} }

// record is the key and the value of one type of record.
type record struct{ key, value message }

// ofTopicID and ofTopic are lists of partitions.
func ofTopicID(name string) field {
	return list(structure(name, plain("topicId", uuidKind), list(plain("partitions", int32Kind))))
}

// owned is ofTopicID with the epochs in which each partition was assigned (KIP-1251).
func owned(name string) field {
	f := ofTopicID(name)
	f.fields = append(f.fields, tagged(0, list(orNull("assignmentEpochs", int32Kind))))
	return f
}

func ofTopic(name string) field {
	return list(structure(name, plain("topic", text), list(plain("partitions", int32Kind))))
}

// groupRecords are the records in __consumer_offsets by the type that a key begins with. Like all tables here they are made when they
// are needed, which is never in a broker that serves.
var groupRecords = sync.OnceValue(func() map[int16]record {
	ofOffset := key(plain("group", text), plain("topic", text), plain("partition", int32Kind))
	return map[int16]record{
		0: {ofOffset, message{flexible: never, fields: []field{plain("offset", int64Kind), plain("metadata", text), plain("commitTimestamp", int64Kind)}}},
		1: {ofOffset, message{latest: 4, flexible: 4, fields: []field{
			plain("offset", int64Kind), since(3, plain("leaderEpoch", int32Kind)), plain("metadata", text), plain("commitTimestamp", int64Kind),
			{name: "expireTimestamp", kind: int64Kind, from: 1, to: 1, nullable: never},
			tagged(0, since(4, plain("topicId", uuidKind))),
		}}},
		2: {key(plain("group", text)), message{latest: 4, flexible: 4, fields: []field{
			plain("protocolType", text), plain("generation", int32Kind), orNull("protocol", text), orNull("leader", text),
			since(2, plain("currentStateTimestamp", int64Kind)),
			list(structure(
				"members", plain("memberId", text), since(3, orNull("groupInstanceId", text)), plain("clientId", text), plain("clientHost", text),
				since(1, plain("rebalanceTimeout", int32Kind)), plain("sessionTimeout", int32Kind),
				plain("subscription", subscriptionKind), plain("assignment", assignmentKind),
			)),
		}}},
		3: {key(plain("groupId", text)), value(plain("epoch", int32Kind), tagged(0, plain("metadataHash", int64Kind)))},
		4: {key(plain("groupId", text)), value(list(structure(
			"topics", plain("topicId", uuidKind), plain("topicName", text), plain("numPartitions", int32Kind),
			list(structure("partitionMetadata", plain("partition", int32Kind), list(plain("racks", text)))),
		)))},
		5: {key(plain("groupId", text), plain("memberId", text)), value(
			orNull("instanceId", text), orNull("rackId", text), plain("clientId", text), plain("clientHost", text),
			list(plain("subscribedTopicNames", text)), orNull("subscribedTopicRegex", text), plain("rebalanceTimeoutMs", int32Kind), orNull("serverAssignor", text),
			tagged(0, field{name: "classicMemberMetadata", kind: structKind, fields: []field{
				plain("sessionTimeoutMs", int32Kind), list(structure("supportedProtocols", plain("name", text), plain("metadata", bytesKind))),
			}}),
		)},
		6: {key(plain("groupId", text)), value(plain("assignmentEpoch", int32Kind), tagged(0, plain("assignmentTimestamp", int64Kind)))},
		7: {key(plain("groupId", text), plain("memberId", text)), value(ofTopicID("topicPartitions"))},
		8: {key(plain("groupId", text), plain("memberId", text)), value(
			plain("memberEpoch", int32Kind), plain("previousMemberEpoch", int32Kind), plain("state", int8Kind),
			owned("assignedPartitions"), owned("partitionsPendingRevocation"),
		)},
		16: {key(plain("groupId", text), plain("regularExpression", text)), value(
			list(plain("topics", text)), plain("version", int64Kind), plain("timestamp", int64Kind),
		)},
	}
})

// transactionRecords are the records in __transaction_state.
var transactionRecords = sync.OnceValue(func() map[int16]record {
	return map[int16]record{
		0: {key(plain("transactionalId", text)), message{latest: 1, flexible: 1, fields: []field{
			plain("producerId", int64Kind), tagged(0, since(1, plain("previousProducerId", int64Kind))), tagged(1, since(1, plain("nextProducerId", int64Kind))),
			plain("producerEpoch", int16Kind), tagged(3, since(1, plain("nextProducerEpoch", int16Kind))),
			plain("transactionTimeoutMs", int32Kind), plain("transactionStatus", int8Kind),
			{name: "transactionPartitions", kind: structKind, array: true, fields: []field{plain("topic", text), list(plain("partitionIds", int32Kind))}},
			plain("transactionLastUpdateTimestampMs", int64Kind), plain("transactionStartTimestampMs", int64Kind),
			tagged(2, since(1, plain("clientTransactionVersion", int16Kind))),
		}}},
	}
})

// subscription and assignment are what members of the consumer protocol tell each other (ConsumerProtocolSubscription, ConsumerProtocolAssignment).
var (
	subscription = sync.OnceValue(func() *message {
		return &message{latest: 3, flexible: never, fields: []field{
			list(plain("topics", text)), orNull("userData", bytesKind), since(1, ofTopic("ownedPartitions")),
			since(2, plain("generationId", int32Kind)), since(3, orNull("rackId", text)),
		}}
	})
	assignment = sync.OnceValue(func() *message {
		return &message{latest: 3, flexible: never, fields: []field{ofTopic("assignedPartitions"), orNull("userData", bytesKind)}}
	})
)
