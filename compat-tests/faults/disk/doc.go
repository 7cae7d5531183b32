// Package disk makes disks that fail: a file system that loses power, a small one that fills up, and system calls of a
// running process that fail or take their time. All of it is Linux's own: loop devices, tmpfs, ptrace.
//
// What a machine doesn't offer (no root, no loop devices, no strace) is [ErrUnavailable].
package disk
