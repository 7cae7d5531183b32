package wire

import (
	"bytes"
	"fmt"
)

// garbageShown is how many bytes of something unknown are put into a log line.
const garbageShown = 24

// garbageSigns are the beginnings by which other protocols are recognised. A TLS
// record begins with its type and the major version 3.
var garbageSigns = []struct {
	prefix string
	what   string
}{
	{"\x16\x03", "a TLS handshake (is this a plaintext listener?)"},
	{"\x15\x03", "a TLS alert (is this a plaintext listener?)"},
	{"\x14\x03", "a TLS record (is this a plaintext listener?)"},
	{"\x17\x03", "a TLS record (is this a plaintext listener?)"},
	{"GET ", "an HTTP request"},
	{"POST", "an HTTP request"},
	{"PUT ", "an HTTP request"},
	{"HEAD", "an HTTP request"},
	{"DELE", "an HTTP request"},
	{"OPTI", "an HTTP request"},
	{"PATC", "an HTTP request"},
	{"TRAC", "an HTTP request"},
	{"CONN", "an HTTP proxy request"},
	{"PRI ", "an HTTP/2 request"},
	{"HTTP", "an HTTP response"},
	{"SSH-", "an SSH client"},
	{"PROX", "a PROXY protocol header, version 1"},
	{"\r\n\r\n", "a PROXY protocol header, version 2"},
	{"AMQP", "an AMQP client"},
	{"*1\r\n", "a Redis client"},
	{"*2\r\n", "a Redis client"},
	{"*3\r\n", "a Redis client"},
}

// DescribeGarbage says in a few words what the first bytes of a connection look like
// when they are no Kafka request: a client of HTTP or TLS on this port, mostly. It is
// called after [FrameSize] or [ParseRequestHeader] has failed, with what has arrived
// so far, and made for a log line: what it quotes has no control characters.
// Four bytes suffice to recognise all that it knows; known says whether it did.
func DescribeGarbage(first []byte) (what string, known bool) {
	for _, sign := range garbageSigns {
		if bytes.HasPrefix(first, []byte(sign.prefix)) {
			return sign.what, true
		}
	}
	if len(first) > garbageShown {
		first = first[:garbageShown]
	}
	return fmt.Sprintf("no Kafka request: %q", first), false
}
