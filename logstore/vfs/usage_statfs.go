//go:build linux || darwin

package vfs

import "golang.org/x/sys/unix"

// volumeUsage counts what an unprivileged process may use, so blocks that are
// reserved for root are not usable.
func volumeUsage(root string) (total, usable int64, err error) {
	var stat unix.Statfs_t
	if err := retryInterrupted(func() error { return unix.Statfs(root, &stat) }); err != nil {
		return 0, 0, pathError("statfs", root, err)
	}
	blockSize := int64(stat.Bsize) //nolint:unconvert // It is a uint32 on darwin.
	return int64(stat.Blocks) * blockSize, int64(stat.Bavail) * blockSize, nil
}
