//go:build unix

package vfs

import "syscall"

// noSpaceErrors are what the operating system says when there is no room.
var noSpaceErrors = []error{syscall.ENOSPC, syscall.EDQUOT}
