package group

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// protocol is a way to assign partitions that a member offers. The metadata is the client's own.
type protocol struct {
	name     string
	metadata []byte
}

// protocolsOf copies the protocols out of a request. Of two with one name the first counts, as in Kafka.
func protocolsOf(requested []kmsg.JoinGroupRequestProtocol) []protocol {
	protocols := make([]protocol, 0, len(requested))
	seen := make(map[string]struct{}, len(requested))
	for _, p := range requested {
		if _, again := seen[p.Name]; again {
			continue
		}
		seen[p.Name] = struct{}{}
		protocols = append(protocols, protocol{name: strings.Clone(p.Name), metadata: bytes.Clone(p.Metadata)})
	}
	return protocols
}

// classicMember is a member of a classic group (ClassicGroupMember).
type classicMember struct {
	id                 string
	instanceID         *string // nil: dynamic
	clientID           string
	clientHost         string
	rebalanceTimeoutMs int32
	sessionTimeoutMs   int32
	protocols          []protocol // in the order of the member's preference
	assignment         []byte     // nil or empty: none

	// isNew says that the member has never had an answer to a JoinGroup: it knows no generation and can't send heartbeats, so it
	// expires even while it waits.
	isNew bool
	// deadline is when the member expires if nothing is heard of it until then; zero: never.
	deadline time.Time
	// joining and syncing answer the request that the member waits for; nil if it doesn't.
	joining func(*kmsg.JoinGroupResponse)
	syncing func(*kmsg.SyncGroupResponse)
}

func (m *classicMember) static() bool { return m.instanceID != nil }

// satisfied reports whether the member needs no heartbeat, because it waits for us.
func (m *classicMember) satisfied() bool {
	return !m.isNew && (m.joining != nil || m.syncing != nil)
}

// metadata is what the member says under a protocol, nil if it doesn't know it.
func (m *classicMember) metadata(name string) []byte {
	for _, p := range m.protocols {
		if p.name == name {
			return p.metadata
		}
	}
	return nil
}

// matches reports whether these are the protocols of the member, in its order and with the same metadata.
func (m *classicMember) matches(protocols []protocol) bool {
	return slices.EqualFunc(m.protocols, protocols, func(a, b protocol) bool {
		return a.name == b.name && bytes.Equal(a.metadata, b.metadata)
	})
}

// vote is the protocol that the member likes best among these, "" if it knows none.
func (m *classicMember) vote(candidates map[string]int) string {
	for _, p := range m.protocols {
		if _, ok := candidates[p.name]; ok {
			return p.name
		}
	}
	return ""
}
