//go:build !linux

package vfs

// mapRegion has nothing but the heap here.
func mapRegion(size int) []byte { return make([]byte, size) }

func unmapRegion([]byte) {}

func warmRegion([]byte) {}

func coolRegion([]byte) {}
