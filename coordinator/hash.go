package coordinator

import (
	"math"
	"unicode/utf16"
	"unicode/utf8"
)

// ShardOf is the shard of a key among so many: abs(key.hashCode()) % shards, where the absolute value of the smallest integer is
// 0 (Utils.abs). Clients and tools compute it too, so it must be Java's.
func ShardOf(key string, shards int32) int32 {
	h := javaHash(key)
	if h == math.MinInt32 {
		return 0
	}
	return max(h, -h) % shards
}

// javaHash is String.hashCode: over the UTF-16 units of the string, modulo 2^32.
func javaHash(s string) int32 {
	var h int32
	// Keys are ASCII as a rule. Four units at once don't wait for each other's multiplication.
	for len(s) >= 4 && s[0]|s[1]|s[2]|s[3] < utf8.RuneSelf {
		h = 31*31*31*31*h + 31*31*31*int32(s[0]) + 31*31*int32(s[1]) + 31*int32(s[2]) + int32(s[3])
		s = s[4:]
	}
	for _, r := range s {
		if high, low := utf16.EncodeRune(r); high != '\uFFFD' {
			h = 31*h + high
			r = low
		}
		h = 31*h + r
	}
	return h
}
