package coordinator

import (
	"math"
	"unicode/utf16"
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
	for _, r := range s {
		if high, low := utf16.EncodeRune(r); high != '\uFFFD' {
			h = 31*h + high
			r = low
		}
		h = 31*h + r
	}
	return h
}
