//go:build unix && !linux

package vfs

import "os"

// syncData makes bytes and size durable. On darwin, Go's Sync is F_FULLFSYNC,
// which asks the drive to empty its cache; fsync there doesn't.
func syncData(f *os.File) error { return f.Sync() }

// startSync does nothing here.
func startSync(*os.File) error { return nil }

// writeBack does nothing here.
func writeBack(*os.File) error { return nil }

// preallocate does nothing: what these systems offer moves the end of the file or
// promises less than a reservation.
func preallocate(*os.File, int64) error { return nil }

func lockFile(f *os.File) error { return control(f, flock) }
