package vfs

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// noSpaceErrors are what the operating system says when there is no room;
// syscall.ENOSPC is Go's own number, which the memory disk answers.
var noSpaceErrors = []error{
	syscall.ENOSPC, windows.ERROR_DISK_FULL, windows.ERROR_HANDLE_DISK_FULL,
	windows.ERROR_DISK_QUOTA_EXCEEDED,
}
