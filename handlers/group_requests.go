package handlers

import (
	"context"
	"net/netip"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/coordinator/group"
)

// callerOf is who asks, as a group knows its members.
func callerOf(req *broker.Request) group.Caller {
	who := group.Caller{ClientHost: javaHost(req.Peer.Remote.Addr())}
	if req.Header.ClientID != nil {
		who.ClientID = *req.Header.ClientID
	}
	return who
}

// javaHost is an address as Java's InetAddress writes it after an empty name: "/127.0.0.1", and an
// address of version 6 without any shortening.
func javaHost(a netip.Addr) string {
	a = a.Unmap()
	if !a.Is6() {
		return "/" + a.String()
	}
	p := a.As16()
	host := []byte{'/'}
	for i := 0; i < len(p); i += 2 {
		if i > 0 {
			host = append(host, ':')
		}
		host = strconv.AppendUint(host, uint64(p[i])<<8|uint64(p[i+1]), 16)
	}
	if zone := a.Zone(); zone != "" {
		host = append(append(host, '%'), zone...)
	}
	return string(host)
}

// later is the answer to a request that may wait for other members: it runs outside of the connection's goroutine, which notices
// meanwhile that the client goes away or the server stops. What it needs of the request must be copied before.
func later[R kmsg.Response](ask func(ctx context.Context) R) (broker.Reply, error) {
	return broker.Reply{Later: func(ctx context.Context) (broker.Reply, error) {
		return answer(ask(ctx))
	}}, nil
}
