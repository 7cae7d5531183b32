package record

import (
	"fmt"
	"math"
	"strings"
)

// This file is the slow way of Validate: it is taken when a record is to blame, and says which ones and
// in which words. The words are those that Kafka's broker sends to clients (KIP-467).

// maxRecordErrors bounds the list of blamed records, which could be twenty times as large as the
// batch. Kafka lists all; clients use the list to tell the user which record it was.
const maxRecordErrors = 1000

const timestampMessage = "One or more records have been rejected due to invalid timestamp"

// timestampVerdict is what LogValidator says about the timestamp of a record.
type timestampVerdict uint8

const (
	timestampFine timestampVerdict = iota
	timestampOutOfRange
	timestampTypeForbidden
)

// judgeTimestamp tells whether a record of b with timestamp ts may be written. As in
// Kafka, a batch that its producer flags LogAppendTime passes in a CreateTime
// topic if it has a timestamp.
func (r *Rules) judgeTimestamp(b Batch, ts int64) timestampVerdict {
	if r.TimestampType == CreateTime && ts != NoTimestamp {
		// Differences wrap around as they do in Kafka.
		diff := r.Now - ts
		if diff > r.BeforeMaxMs || -diff > r.AfterMaxMs {
			return timestampOutOfRange
		}
		return timestampFine
	}
	if b.Attributes().TimestampType() == LogAppendTime {
		return timestampTypeForbidden
	}
	return timestampFine
}

// timestampRange is the first and the last timestamp that are surely allowed: the true range, cut where its
// ends would overflow.
func (r *Rules) timestampRange() (from, to int64) {
	from, to = r.Now-r.BeforeMaxMs, r.Now+r.AfterMaxMs
	if from > r.Now {
		from = math.MinInt64
	}
	if to < r.Now {
		to = math.MaxInt64
	}
	return from, to
}

// checkMaxTimestamp is what can be said about timestamps without looking at the records.
func checkMaxTimestamp(b Batch, r *Rules) (int64, error) {
	ts := b.MaxTimestamp()
	if r.judgeTimestamp(b, ts) != timestampFine {
		e := invalid(KindInvalidTimestamp, "max timestamp is %d", ts)
		e.Message = timestampMessage
		return 0, e
	}
	return ts, nil
}

// judgeRecords looks at each record of a payload whose structure is sound. It returns the greatest timestamp,
// or an error that lists the records to blame.
func judgeRecords(b Batch, payload []byte, r *Rules) (int64, error) {
	maxTimestamp := NoTimestamp // also where all timestamps are below it: Kafka starts from here, too
	blamed, wrongTime := 0, false
	var list []RecordError
	index := int32(0)
	for rec, err := range b.RecordsIn(payload) {
		if err != nil {
			return 0, &InvalidError{Kind: KindInvalidRecord, Reason: err.Error(), Err: err}
		}
		ts := b.RecordTimestamp(rec)
		maxTimestamp = max(maxTimestamp, ts)
		verdict := r.judgeTimestamp(b, ts)
		noKey := r.Compacted && rec.Key == nil
		if noKey || verdict != timestampFine {
			blamed++
			wrongTime = wrongTime || !noKey
			if len(list) < maxRecordErrors {
				list = append(list, RecordError{BatchIndex: index, Message: r.blame(b, &rec, noKey, verdict)})
			}
		}
		index++
	}
	if blamed == 0 {
		return maxTimestamp, nil
	}
	e := &InvalidError{Kind: KindInvalidRecord, Records: list, Reason: fmt.Sprintf("%d of %d records, the first: %s", blamed, index, list[0].Message)}
	// One record with a wrong time decides for all, whatever else is wrong (LogValidator.processRecordErrors).
	if wrongTime {
		e.Kind, e.Message = KindInvalidTimestamp, timestampMessage
	} else {
		e.Message = recordMessage(blamed, list)
	}
	return 0, e
}

// blame is Kafka's text about one record.
func (r *Rules) blame(b Batch, rec *Record, noKey bool, verdict timestampVerdict) string {
	switch {
	case noKey:
		return fmt.Sprintf("Compacted topic cannot accept message without key in topic partition %s-%d", r.Topic, r.Partition)
	case verdict == timestampOutOfRange:
		return fmt.Sprintf("Timestamp %d of message with offset %d is out of range. The timestamp should be within [%d, %d]",
			b.RecordTimestamp(*rec), b.RecordOffset(*rec), r.Now-r.BeforeMaxMs, r.Now+r.AfterMaxMs)
	default:
		return fmt.Sprintf("Invalid timestamp type in message %s. Producer should not set timestamp type to LogAppendTime.", describe(b, rec))
	}
}

// describe is a record as Kafka's text about timestamp types shows it: by the class that
// read it, which keeps no keys and values of compressed batches and so knows a null from an empty one.
func describe(b Batch, rec *Record) string {
	class, key, value := "DefaultRecord", len(rec.Key), len(rec.Value)
	if b.Attributes().Codec() != None {
		class = "PartialDefaultRecord"
		if rec.Key == nil {
			key = -1
		}
		if rec.Value == nil {
			value = -1
		}
	}
	return fmt.Sprintf("%s(offset=%d, timestamp=%d, key=%d bytes, value=%d bytes)",
		class, b.RecordOffset(*rec), b.RecordTimestamp(*rec), key, value)
}

// recordMessage is Kafka's text about a batch with blamed records, of which it shows three.
func recordMessage(blamed int, list []RecordError) string {
	shown := make([]string, 0, 3)
	for _, e := range list[:min(3, len(list))] {
		shown = append(shown, fmt.Sprintf("RecordError(batchIndex=%d, message='%s')", e.BatchIndex, e.Message))
	}
	return fmt.Sprintf("One or more records have been rejected due to %d record errors in total, and only showing the first three errors at most: [%s]",
		blamed, strings.Join(shown, ", "))
}
