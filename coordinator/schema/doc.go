// Package schema knows the records that coordinators keep in __consumer_offsets and __transaction_state, as tables of fields, and
// makes of them the text that kafka-dump-log prints with --offsets-decoder and --transaction-log-decoder.
//
// It is for people who look at files: the coordinators have codecs of their own, and share nothing with this, so that
// what one gets wrong the other shows.
//
// Start reading at text.go; tables.go has the fields.
package schema
