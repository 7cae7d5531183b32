// Package uuid stands in for the only function of github.com/hashicorp/go-uuid that Sarama's dependencies call (their Kerberos
// client names a session by it, which no test here opens). The real one has a licence that is not permissive.
package uuid

import (
	"crypto/rand"
	"fmt"
)

// GenerateUUID returns 16 random bytes in the usual notation. The error is always nil.
func GenerateUUID() (string, error) {
	var b [16]byte
	rand.Read(b[:]) // It never fails: crypto/rand says so.
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
}
