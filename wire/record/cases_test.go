package record

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
)

// This file holds what a client may send and should not: the cases that kafka_test.go has
// put to a real Apache Kafka and whose answers testdata/kafka-answers.json keeps.

// caseTime is the timestamp of most records in the cases, caseFuture one that no broker accepts.
const (
	caseTime   = 1_700_000_000_000
	caseFuture = 4_102_444_800_000
)

// Topics by what is configured for them; see caseTopics.
const (
	plainTopic        = "plain"
	compactedTopic    = "compacted"
	appendTimeTopic   = "appendtime"
	narrowTopic       = "narrow"
	zstdTopic         = "zstd"
	uncompressedTopic = "uncompressed"
	smallTopic        = "small"
)

// caseTopics are the configurations of the topics, and what Validate is told about them.
var caseTopics = map[string]struct {
	config map[string]string
	rules  Rules
	target Codec // of compression.type, if recompress
	// recompress is set where compression.type is not producer.
	recompress bool
}{
	plainTopic:     {rules: Rules{}},
	compactedTopic: {config: map[string]string{"cleanup.policy": "compact"}, rules: Rules{Compacted: true}},
	appendTimeTopic: {
		config: map[string]string{"message.timestamp.type": "LogAppendTime"},
		rules:  Rules{TimestampType: LogAppendTime},
	},
	narrowTopic: {
		config: map[string]string{"message.timestamp.before.max.ms": "1000", "message.timestamp.after.max.ms": "1000"},
		rules:  Rules{BeforeMaxMs: 1000, AfterMaxMs: 1000},
	},
	zstdTopic:         {config: map[string]string{"compression.type": "zstd"}, target: Zstd, recompress: true},
	uncompressedTopic: {config: map[string]string{"compression.type": "uncompressed"}, target: None, recompress: true},
	smallTopic:        {config: map[string]string{"max.message.bytes": "100"}, rules: Rules{MaxBytes: 100}},
}

// caseRules are the rules for a case: those of its topic, with Kafka's defaults.
func caseRules(c produceCase) Rules {
	r := caseTopics[c.topic].rules
	r.Topic, r.ProduceVersion = c.topic, c.version
	r.Now = caseTime + 30*24*3600*1000
	if r.BeforeMaxMs == 0 {
		r.BeforeMaxMs, r.AfterMaxMs = 1<<63-1, 3_600_000
	}
	return r
}

// produceCase is the records field of one partition in a Produce request.
type produceCase struct {
	name    string
	topic   string
	version int16
	records []byte
}

// rawRecord is a record with every length as given, for records that lie.
type rawRecord struct {
	attributes byte
	timestamp  int64
	offset     int64
	key, value []byte
	headers    []byte // count and headers, encoded; nil is a count of 0
	size       int64  // added to the true length
}

func (r rawRecord) append(dst []byte) []byte {
	body := []byte{r.attributes}
	body = binary.AppendVarint(body, r.timestamp)
	body = binary.AppendVarint(body, r.offset)
	body = appendBytes(body, r.key)
	body = appendBytes(body, r.value)
	if r.headers == nil {
		body = append(body, 0)
	}
	body = append(body, r.headers...)
	dst = binary.AppendVarint(dst, int64(len(body))+r.size)
	return append(dst, body...)
}

// rawBatch is a batch around any payload, with a CRC that fits.
func rawBatch(codec Codec, count int32, payload []byte) Batch {
	b := Batch(make([]byte, HeaderSize, HeaderSize+len(payload)))
	b = append(b, payload...)
	b.putLength()
	b.SetPartitionLeaderEpoch(-1)
	b[magicAt] = Magic
	put16(b, attributesAt, uint16(codec))
	put32(b, lastOffsetDeltaAt, uint32(count-1))
	put64(b, baseTimestampAt, caseTime)
	put64(b, maxTimestampAt, caseTime)
	put64(b, producerIDAt, 1<<64-1)
	put16(b, producerEpochAt, 1<<16-1)
	put32(b, baseSequenceAt, 1<<32-1)
	put32(b, countAt, uint32(count))
	b.setCRC()
	return b
}

func put16(b []byte, at int, v uint16) { binary.BigEndian.PutUint16(b[at:], v) }
func put32(b []byte, at int, v uint32) { binary.BigEndian.PutUint32(b[at:], v) }
func put64(b []byte, at int, v uint64) { binary.BigEndian.PutUint64(b[at:], v) }

// plainPayload is n sound records with keys.
func plainPayload(n int) []byte {
	var p []byte
	for i := range n {
		p = rawRecord{offset: int64(i), key: []byte{'k'}, value: []byte("value of a record")}.append(p)
	}
	return p
}

// edit is a copy of a sound batch of two records after f, with a CRC that fits.
func edit(f func(b Batch)) []byte {
	b := rawBatch(None, 2, plainPayload(2))
	f(b)
	b.setCRC()
	return b
}

func packed(c Codec, payload []byte) []byte {
	out, err := Compress(nil, c, DefaultLevel(c), payload)
	if err != nil {
		panic(err)
	}
	return out
}

// produceCases are all cases, on the plain topic and with version 11 unless they say so.
func produceCases() []produceCase {
	var cases []produceCase
	add := func(group string, list ...produceCase) {
		for _, c := range list {
			c.name = group + "/" + c.name
			if c.topic == "" {
				c.topic = plainTopic
			}
			if c.version == 0 {
				c.version = 11
			}
			cases = append(cases, c)
		}
	}
	add("frame", frameCases()...)
	add("header", headerCases()...)
	add("time", timeCases()...)
	add("record", recordCases()...)
	add("topic", topicCases()...)
	for _, c := range []Codec{Gzip, Snappy, LZ4, Zstd} {
		add(c.String(), codecCases(c)...)
	}
	return cases
}

func frameCases() []produceCase {
	good := rawBatch(None, 2, plainPayload(2))
	length := func(n int32, size int) []byte {
		p := slices.Clone(good[:size])
		put32(p, lengthAt, uint32(n))
		return p
	}
	magic := func(m byte) []byte {
		p := slices.Clone(good)
		p[magicAt] = m
		return p
	}
	return []produceCase{
		{name: "sound", records: good},
		{name: "sound v3", records: good, version: 3},
		{name: "empty", records: []byte{}},
		{name: "11 bytes", records: good[:11]},
		{name: "16 bytes", records: good[:16]},
		{name: "60 bytes", records: good[:60]},
		{name: "header only", records: good[:61]},
		{name: "one byte short", records: good[:len(good)-1]},
		{name: "length -1", records: length(-1, len(good))},
		{name: "length 0", records: length(0, len(good))},
		{name: "length 13", records: length(13, len(good))},
		{name: "length 13 in 12 bytes", records: length(13, 12)},
		{name: "length 14", records: length(14, 26)},
		{name: "length 15", records: length(15, 27)},
		{name: "length 48", records: length(48, 60)},
		{name: "length 49 of a longer batch", records: length(49, 61)},
		{name: "length max", records: length(1<<31-1, len(good))},
		{name: "length half a GiB", records: length(1<<29, len(good))},
		{name: "magic 0", records: magic(0)},
		{name: "magic 1", records: magic(1)},
		{name: "magic 3", records: magic(3)},
		{name: "magic -1", records: magic(255)},
		{name: "magic 3 of a cut batch", records: magic(3)[:20]},
		{name: "1 byte follows", records: append(slices.Clone(good), 0)},
		{name: "11 bytes follow", records: append(slices.Clone(good), "eleven byte"...)},
		{name: "12 zeros follow", records: append(slices.Clone(good), make([]byte, 12)...)},
		{name: "half a batch follows", records: append(slices.Clone(good), good[:70]...)},
		{name: "magic 3 follows", records: append(slices.Clone(good), magic(3)...)},
		{name: "magic 1 follows", records: append(slices.Clone(good), magic(1)...)},
		{name: "two batches", records: append(slices.Clone(good), good...)},
		{name: "too large", topic: smallTopic, records: good},
		{name: "too large with a wrong crc", topic: smallTopic, records: append(slices.Clone(good[:len(good)-1]), 1)},
		{name: "too large with base offset 1", topic: smallTopic, records: edit(func(b Batch) { b.SetBaseOffset(1) })},
	}
}

func headerCases() []produceCase {
	attributes := func(a uint16) []byte { return edit(func(b Batch) { put16(b, attributesAt, a) }) }
	counts := func(delta, count int32) []byte {
		return edit(func(b Batch) {
			put32(b, lastOffsetDeltaAt, uint32(delta))
			put32(b, countAt, uint32(count))
		})
	}
	producer := func(id int64, epoch int16, sequence int32) []byte {
		return edit(func(b Batch) {
			put64(b, producerIDAt, uint64(id))
			put16(b, producerEpochAt, uint16(epoch))
			put32(b, baseSequenceAt, uint32(sequence))
		})
	}
	wrongCRC := rawBatch(None, 2, plainPayload(2))
	wrongCRC[crcAt] ^= 1
	wrongCount := Batch(slices.Clone(counts(2, 3)))
	wrongCount[crcAt] ^= 1
	wrongZstd := rawBatch(Zstd, 2, packed(Zstd, plainPayload(2)))
	wrongZstd[crcAt] ^= 1
	return []produceCase{
		{name: "wrong crc", records: wrongCRC},
		{name: "wrong crc and count", records: wrongCount},
		{name: "base offset 1", records: edit(func(b Batch) { b.SetBaseOffset(1) })},
		{name: "base offset -1", records: edit(func(b Batch) { b.SetBaseOffset(-1) })},
		{name: "leader epoch 99", records: edit(func(b Batch) { b.SetPartitionLeaderEpoch(99) })},
		{name: "count 0", records: counts(1, 0)},
		{name: "count 0 and delta -1", records: counts(-1, 0)},
		{name: "count -1", records: counts(1, -1)},
		{name: "count 3 and delta 1", records: counts(1, 3)},
		{name: "count 1 and delta 1", records: counts(1, 1)},
		{name: "count 3 and delta 2 of two", records: counts(2, 3)},
		{name: "count 1 and delta 0 of two", records: counts(0, 1)},
		{name: "count max", records: counts(1<<31-2, 1<<31-1)},
		{name: "delta max and count min", records: counts(1<<31-1, -1<<31)},
		{name: "delta -2", records: counts(-2, 2)},
		{name: "control", records: attributes(0x20)},
		{name: "codec 5", records: attributes(5)},
		{name: "codec 6", records: attributes(6)},
		{name: "codec 7", records: attributes(7)},
		{name: "codec 5 v3", records: attributes(5), version: 3},
		{name: "zstd v6", records: rawBatch(Zstd, 2, packed(Zstd, plainPayload(2))), version: 6},
		{name: "zstd v7", records: rawBatch(Zstd, 2, packed(Zstd, plainPayload(2))), version: 7},
		{name: "zstd v3 with a wrong crc", version: 3, records: wrongZstd},
		{name: "delete horizon", records: attributes(0x40)},
		{name: "unused bits", records: attributes(0xff80)},
		{name: "unused bits and a wrong max timestamp", records: edit(func(b Batch) {
			put16(b, attributesAt, 0xff80)
			put64(b, maxTimestampAt, 5)
		})},
		{name: "producer without sequence", records: producer(900, 0, -1)},
		{name: "producer with sequence -5", records: producer(901, 0, -5)},
		{name: "producer", records: producer(902, 0, 0)},
		{name: "producer with the last sequence", records: producer(903, 0, 1<<31-1)},
		{name: "no producer but epoch and sequence", records: producer(-1, 3, 7)},
		{name: "producer -2", records: producer(-2, 0, 0)},
	}
}

func timeCases() []produceCase {
	stamped := func(base, maximum int64, deltas ...int64) []byte {
		var p []byte
		for i, d := range deltas {
			p = rawRecord{timestamp: d, offset: int64(i), key: []byte("k"), value: []byte("v")}.append(p)
		}
		b := rawBatch(None, int32(len(deltas)), p)
		put64(b, baseTimestampAt, uint64(base))
		put64(b, maxTimestampAt, uint64(maximum))
		b.setCRC()
		return b
	}
	flagged := func(maximum int64) []byte {
		return edit(func(b Batch) {
			put16(b, attributesAt, uint16(timestampTypeBit))
			put64(b, maxTimestampAt, uint64(maximum))
		})
	}
	return []produceCase{
		{name: "max too small", records: stamped(caseTime, caseTime-9, 0, 5)},
		{name: "max too large", records: stamped(caseTime, caseFuture, 0, 5)},
		{name: "backwards", records: stamped(caseTime, caseTime, 0, -500, 7)},
		{name: "none", records: stamped(-1, -1, 0, 0)},
		{name: "none in a narrow topic", topic: narrowTopic, records: stamped(-1, -1, 0, 0)},
		{name: "negative", records: stamped(-5, -5, 0, 1)},
		{name: "lowest", records: stamped(-1<<63, -1<<63, 0, 1)},
		{name: "highest", records: stamped(1<<63-1, 1<<63-1, 0)},
		{name: "overflow", records: stamped(1<<63-1, 1<<63-1, 0, 1)},
		{name: "underflow", records: stamped(-1<<63, caseTime, 0, -1)},
		{name: "overflow to the past", records: stamped(1<<62, caseTime, 1<<62, 1<<62+1)},
		{name: "future", records: stamped(caseFuture, caseFuture, 0, 0)},
		{name: "one in the future", records: stamped(caseTime, caseTime, 0, caseFuture-caseTime, 0)},
		{name: "past in a narrow topic", topic: narrowTopic, records: stamped(caseTime, caseTime, 0, 0)},
		{name: "one past in a narrow topic", topic: narrowTopic, records: stamped(-1, -1, 0, caseTime+1, 0)},
		{name: "future in an append time topic", topic: appendTimeTopic, records: stamped(caseFuture, caseFuture, 0, 0)},
		{name: "append time topic", topic: appendTimeTopic, records: stamped(caseTime, caseTime+1, 0, 1)},
		{name: "unused bits in an append time topic", topic: appendTimeTopic, records: edit(func(b Batch) { put16(b, attributesAt, 0x4780) })},
		{name: "flagged append time", records: flagged(caseTime)},
		{name: "flagged append time and future", records: flagged(caseFuture)},
		{name: "flagged append time without one", records: flagged(-1)},
		{name: "flagged append time in an append time topic", topic: appendTimeTopic, records: flagged(caseTime)},
	}
}

func recordCases() []produceCase {
	one := func(r rawRecord) []byte { return rawBatch(None, 1, r.append(nil)) }
	bare := func(body ...byte) []byte { return rawBatch(None, 1, body) }
	header := func(encoded ...byte) []byte {
		return one(rawRecord{key: []byte("k"), value: []byte("v"), headers: encoded})
	}
	offsets := func(deltas ...int64) []byte {
		var p []byte
		for _, d := range deltas {
			p = rawRecord{offset: d, key: []byte("k"), value: []byte("v")}.append(p)
		}
		return rawBatch(None, int32(len(deltas)), p)
	}
	second := rawRecord{offset: 0, key: []byte("k"), value: []byte("v")}.append(nil)
	return []produceCase{
		{name: "null key and value", records: one(rawRecord{})},
		{name: "empty key and value", records: one(rawRecord{key: []byte{}, value: []byte{}})},
		{name: "attributes 127", records: one(rawRecord{attributes: 127, value: []byte("v")})},
		{name: "length one too large", records: one(rawRecord{value: []byte("v"), size: 1})},
		{name: "length one too small", records: one(rawRecord{value: []byte("v"), size: -1})},
		{name: "length one too small of the first", records: rawBatch(None, 2, rawRecord{offset: 1, value: []byte("v")}.append(rawRecord{value: []byte("v"), size: -1}.append(nil)))},
		{name: "length negative", records: bare(1, 0, 0, 0, 1, 1, 0)},
		{name: "length 0", records: bare(0)},
		{name: "length endless", records: bare(0x80, 0x80, 0x80, 0x80, 0x80, 0)},
		{name: "length max", records: bare(0xfe, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 1, 1, 0)},
		{name: "no payload", records: bare()},
		{name: "timestamp endless", records: bare(32, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 0, 1, 1, 0)},
		{name: "timestamp of ten bytes", records: bare(30, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00, 0, 1, 1, 0)},
		{name: "offset endless", records: bare(20, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 1, 1, 0)},
		{name: "offset of five bytes", records: bare(20, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x70, 1, 1, 0)},
		{name: "key of four length bytes", records: bare(18, 0, 0, 0, 0x80, 0x80, 0x80, 0x00, 1, 0)},
		{name: "key of four length bytes and no value", records: bare(14, 0, 0, 0, 0x80, 0x80, 0x80, 0x00)},
		{name: "key length -2", records: bare(12, 0, 0, 0, 3, 1, 0)},
		{name: "key beyond the record", records: bare(12, 0, 0, 0, 40, 1, 0)},
		{name: "key beyond everything", records: bare(16, 0, 0, 0, 0xfe, 0xff, 0x7f, 1, 0)},
		{name: "value beyond the record", records: bare(12, 0, 0, 0, 1, 40, 0)},
		{name: "value into the next record", records: rawBatch(None, 2, append([]byte{12, 0, 0, 0, 1, 10, 0}, second...))},
		{name: "value length -2", records: bare(12, 0, 0, 0, 1, 3, 0)},
		{name: "no header count", records: bare(10, 0, 0, 0, 1, 1)},
		{name: "header", records: header(2, 2, 'h', 2, 'v')},
		{name: "header with null value", records: header(2, 2, 'h', 1)},
		{name: "header with empty key", records: header(2, 0, 0)},
		{name: "header with null key", records: header(2, 1, 2, 'v')},
		{name: "header with a key that is no utf-8", records: header(2, 2, 0xff, 0)},
		{name: "header count -1", records: header(1)},
		{name: "header count 2 of one", records: header(4, 2, 'h', 2, 'v')},
		{name: "header count 1 of two", records: header(2, 2, 'h', 2, 'v', 2, 'h', 2, 'v')},
		{name: "header count max", records: header(0xfe, 0xff, 0xff, 0xff, 0x0f)},
		{name: "header key beyond the record", records: header(2, 40, 'h', 0)},
		{name: "header value beyond the record", records: header(2, 2, 'h', 40)},
		{name: "bytes behind the last record", records: rawBatch(None, 1, append(plainPayload(1), 0))},
		{name: "third record", records: rawBatch(None, 2, plainPayload(3))},
		{name: "missing record", records: rawBatch(None, 2, plainPayload(1))},
		{name: "offsets 0 0", records: offsets(0, 0)},
		{name: "offsets 1 0", records: offsets(1, 0)},
		{name: "offsets 1 2", records: offsets(1, 2)},
		{name: "offsets 0 7", records: offsets(0, 7)},
		{name: "offset -1", records: offsets(-1)},
	}
}

func topicCases() []produceCase {
	keys := func(c Codec, keys ...string) []byte {
		var p []byte
		for i, k := range keys {
			r := rawRecord{offset: int64(i), value: []byte("v")}
			if k != "null" {
				r.key = []byte(k)
			}
			p = r.append(p)
		}
		return rawBatch(c, int32(len(keys)), packed(c, p))
	}
	late := rawRecord{timestamp: caseFuture - caseTime, offset: 1, value: []byte("v")}
	both := rawBatch(None, 2, late.append(rawRecord{value: []byte("v")}.append(nil)))
	wrongOffsets := rawRecord{offset: 5, key: []byte("k")}.append(rawRecord{key: []byte("k")}.append(nil))
	return []produceCase{
		{name: "compacted with keys", topic: compactedTopic, records: keys(None, "a", "", "c")},
		{name: "compacted without one key", topic: compactedTopic, records: keys(None, "a", "null", "c")},
		{name: "compacted without one key v7", topic: compactedTopic, version: 7, records: keys(None, "a", "null", "c")},
		{name: "compacted without five keys", topic: compactedTopic, records: keys(None, "null", "null", "null", "b", "null", "null")},
		{name: "compacted without keys, lz4", topic: compactedTopic, records: keys(LZ4, "null", "a")},
		{name: "compacted without key in the future", topic: compactedTopic, records: both},
		{name: "zstd topic from none", topic: zstdTopic, records: rawBatch(None, 2, plainPayload(2))},
		{name: "zstd topic from zstd", topic: zstdTopic, records: rawBatch(Zstd, 2, packed(Zstd, plainPayload(2)))},
		{name: "zstd topic from snappy", topic: zstdTopic, records: rawBatch(Snappy, 2, packed(Snappy, plainPayload(2)))},
		{name: "zstd topic from lz4, unused bits", topic: zstdTopic, records: func() []byte {
			b := rawBatch(LZ4, 2, packed(LZ4, plainPayload(2)))
			put16(b, attributesAt, 0xff80|uint16(LZ4))
			b.setCRC()
			return b
		}()},
		{name: "zstd topic, offsets 0 5", topic: zstdTopic, records: rawBatch(None, 2, wrongOffsets)},
		{name: "uncompressed topic from gzip", topic: uncompressedTopic, records: rawBatch(Gzip, 2, packed(Gzip, plainPayload(2)))},
		{name: "uncompressed topic from none", topic: uncompressedTopic, records: rawBatch(None, 2, plainPayload(2))},
		{name: "uncompressed topic, negative timestamp", topic: uncompressedTopic, records: func() []byte {
			b := rawBatch(Gzip, 2, packed(Gzip, plainPayload(2)))
			put64(b, baseTimestampAt, 1<<64-5)
			b.setCRC()
			return b
		}()},
		{name: "uncompressed topic, first delta not 0", topic: uncompressedTopic, records: rawBatch(LZ4, 1, packed(LZ4, rawRecord{timestamp: 9, key: []byte("k")}.append(nil)))},
	}
}

func codecCases(c Codec) []produceCase {
	sound := plainPayload(3)
	stream := packed(c, sound)
	cut := func(n int) []byte { return rawBatch(c, 3, stream[:len(stream)-n]) }
	flip := func(at int) []byte {
		p := slices.Clone(stream)
		p[at] ^= 0xff
		return rawBatch(c, 3, p)
	}
	var wrongOffsets, wrongLength, noFields []byte
	for i := range 3 {
		wrongOffsets = rawRecord{offset: int64(2 * i), key: []byte("k"), value: []byte("v")}.append(wrongOffsets)
		wrongLength = rawRecord{offset: int64(i), key: []byte("k"), value: []byte("v"), size: 2}.append(wrongLength)
	}
	noFields = append(noFields, 0, 0, 0)
	flagged := rawBatch(c, 1, packed(c, rawRecord{}.append(nil)))
	put16(flagged, attributesAt, uint16(timestampTypeBit)|uint16(c))
	flagged.setCRC()
	list := []produceCase{
		{name: "sound", records: rawBatch(c, 3, stream)},
		{name: "max timestamp wrong", records: func() []byte {
			b := rawBatch(c, 3, stream)
			put64(b, maxTimestampAt, 12345)
			b.setCRC()
			return b
		}()},
		{name: "no stream", records: rawBatch(c, 3, nil)},
		{name: "stream of nothing", records: rawBatch(c, 3, packed(c, nil))},
		{name: "garbage", records: rawBatch(c, 3, []byte(strings.Repeat("garbage ", 8)))},
		{name: "plain payload", records: rawBatch(c, 3, sound)},
		{name: "first byte damaged", records: flip(0)},
		{name: "last byte damaged", records: flip(len(stream) - 1)},
		{name: "one byte short", records: cut(1)},
		{name: "half", records: cut(len(stream) / 2)},
		{name: "garbage follows", records: rawBatch(c, 3, append(slices.Clone(stream), "garbage"...))},
		{name: "zeros follow", records: rawBatch(c, 3, append(slices.Clone(stream), make([]byte, 32)...))},
		{name: "stream twice", records: rawBatch(c, 6, append(slices.Clone(stream), stream...))},
		{name: "count 4 of three", records: rawBatch(c, 4, stream)},
		{name: "count 2 of three", records: rawBatch(c, 2, stream)},
		{name: "offsets 0 2 4", records: rawBatch(c, 3, packed(c, wrongOffsets))},
		{name: "record lengths two too large", records: rawBatch(c, 3, packed(c, wrongLength))},
		{name: "records of length 0", records: rawBatch(c, 3, packed(c, noFields))},
		{name: "key beyond everything", records: rawBatch(c, 1, packed(c, []byte{12, 0, 0, 0, 40, 1, 0}))},
		{name: "header with null key", records: rawBatch(c, 1, packed(c, rawRecord{headers: []byte{2, 1, 2, 'v'}}.append(nil)))},
		{name: "future", records: rawBatch(c, 1, packed(c, rawRecord{timestamp: caseFuture - caseTime, key: []byte("k")}.append(nil)))},
		{name: "flagged append time in an append time topic", topic: appendTimeTopic, records: flagged},
		{name: "append time topic", topic: appendTimeTopic, records: rawBatch(c, 3, stream)},
	}
	if c == Snappy {
		bare := bytes.Join([][]byte{stream[xerialHeaderSize+4:]}, nil)
		list = append(list,
			produceCase{name: "without framing", records: rawBatch(c, 3, bare)},
			produceCase{name: "xerial version 0", records: func() []byte {
				p := slices.Clone(stream)
				put32(p, len(xerialMagic), 0)
				return rawBatch(c, 3, p)
			}()})
	}
	return list
}

func TestProduceCasesHaveUniqueNames(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range produceCases() {
		if seen[c.name] {
			t.Errorf("two cases are named %q", c.name)
		}
		seen[c.name] = true
		if _, ok := caseTopics[c.topic]; !ok {
			t.Errorf("%s: no topic %q", c.name, c.topic)
		}
	}
}
