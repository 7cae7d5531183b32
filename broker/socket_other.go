//go:build !unix

package broker

import (
	"errors"
	"net"
	"syscall"
)

// canSendFile says whether files are sent to sockets without passing through this process.
const canSendFile = false

// rawConn is nil: connections are read and written with the blocking calls of package net.
func rawConn(net.Conn) syscall.RawConn { return nil }

// tryReceive isn't called here.
func (i *inbox) tryReceive(uintptr) bool {
	i.err = errors.ErrUnsupported
	return true
}

// trySend isn't called here.
func (o *outbox) trySend(uintptr) bool {
	o.job.err = errors.ErrUnsupported
	return true
}
