//go:build unix && !linux

package broker

import (
	"errors"
	"os"
	"syscall"
)

// canSendFile says whether files are sent to sockets without passing through this process.
const canSendFile = false

// receive reads from a socket.
func receive(fd uintptr, p []byte) (int, error) { return syscall.Read(int(fd), p) }

// send writes to a socket.
func send(fd uintptr, p []byte, _ bool) (int, error) { return syscall.Write(int(fd), p) }

// sendFile isn't called here.
func sendFile(uintptr, *os.File, int64, int64) (int, error) { return 0, errors.ErrUnsupported }
