package vfs

import "golang.org/x/sys/unix"

// mapRegion is memory from the system that isn't touched yet; nil if there is none.
func mapRegion(size int) []byte {
	region, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil
	}
	// Small pages, populated some at a time before they are written to: 0.6 s of the kernel per GiB in a virtual machine, where a fault for each
	// takes 0.8 s, and large pages take 3 s.
	_ = unix.Madvise(region, unix.MADV_NOHUGEPAGE) // a hint
	return region
}

// warmRegion gives a part of a region its memory.
func warmRegion(part []byte) {
	_ = unix.Madvise(part, unix.MADV_POPULATE_WRITE) // Before Linux 5.14 the faults do it.
}

func unmapRegion(region []byte) {
	_ = unix.Munmap(region) // of what was mapped
}

// coolRegion gives the memory of a part of a region back; it reads as zeros then.
func coolRegion(part []byte) {
	_ = unix.Madvise(part, unix.MADV_DONTNEED) // It costs memory if it fails and nothing else.
}
