// Package script runs conversations with a broker: a [Case] is a list of steps, some of which prepare (create a topic, write
// records) and some of which ask and note the answer. What comes out is a [Transcript], the same text for every broker
// that behaves the same.
//
// Requests are written with logical topic names that begin with "~": each run of a case replaces that by a prefix of its own,
// so cases can share a broker and run at once. Transcripts show the names without it. Names of groups are logical names likewise, and
// "@client" stands for the member id that the broker gave to a client.
//
// Each case has its own connections and its own [transcript.Symbols]; nothing is shared between cases but the broker.
package script
