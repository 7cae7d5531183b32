// FindCoordinator (key 10), versions 0-6.
//
// 1 key types: transactions, too (KIP-98), and messages; 2 throttled clients wait by themselves; 3 flexible;
// 4 many keys (KIP-699); 5 TRANSACTION_ABORTABLE (KIP-890); 6 share groups (KIP-932).
//
// Knowingly absent: coordinators of share groups. Their keys are answered as Kafka answers while the internal topic is being
// made. Those of groups and transactions are made within the request, where Kafka lets the client come again.

package handlers

import (
	"context"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/wire"
)

// Types of keys (FindCoordinatorRequest.CoordinatorType).
const (
	coordinatorOfGroup       = 0
	coordinatorOfTransaction = 1
	coordinatorOfShare       = 2
)

// Versions in which FindCoordinator changed.
const (
	findCoordinatorKeys  = 4
	findCoordinatorShare = 6
)

func (d *Dispatcher) findCoordinator(ctx context.Context, req *broker.Request) (broker.Reply, error) {
	r := req.Message.(*kmsg.FindCoordinatorRequest)
	resp := r.ResponseKind().(*kmsg.FindCoordinatorResponse)
	f := coordinatorSearch{d: d, version: r.Version, keyType: r.CoordinatorType, address: d.addressFor(req.Peer)}
	if r.Version >= findCoordinatorKeys {
		resp.Coordinators = make([]kmsg.FindCoordinatorResponseCoordinator, 0, len(r.CoordinatorKeys))
		for _, key := range r.CoordinatorKeys {
			resp.Coordinators = append(resp.Coordinators, f.coordinator(ctx, key))
		}
		return answer(resp)
	}
	code, _ := f.find(ctx, r.CoordinatorKey)
	found := f.place(code)
	resp.ErrorCode, resp.ErrorMessage = int16(code), new(code.Message())
	resp.NodeID, resp.Host, resp.Port = found.NodeID, found.Host, found.Port
	return answer(resp)
}

// coordinatorSearch looks for the coordinators of the keys of one request.
type coordinatorSearch struct {
	d       *Dispatcher
	version int16
	keyType int8
	address address
}

// coordinator is the answer for one of many keys.
func (f *coordinatorSearch) coordinator(ctx context.Context, key string) kmsg.FindCoordinatorResponseCoordinator {
	code, explained := f.find(ctx, key)
	c := f.place(code)
	c.Key, c.ErrorMessage = key, new("")
	if explained {
		c.ErrorMessage = new(code.Message())
	}
	return c
}

// place is where the coordinator is: here, or nowhere.
func (f *coordinatorSearch) place(code wire.ErrorCode) kmsg.FindCoordinatorResponseCoordinator {
	c := kmsg.NewFindCoordinatorResponseCoordinator()
	c.ErrorCode = int16(code)
	if code != wire.None {
		c.NodeID, c.Port = -1, -1
		return c
	}
	c.NodeID, c.Host, c.Port = f.d.nodeID, f.address.host, f.address.port
	return c
}

// find says whether this broker coordinates a key. Of many keys, one that fails is told why only where the request as a whole
// fails: in Kafka that is an exception, which has a text.
func (f *coordinatorSearch) find(ctx context.Context, key string) (code wire.ErrorCode, explained bool) {
	switch f.keyType {
	case coordinatorOfGroup:
		return f.madeTopic(ctx, offsetsTopic), false
	case coordinatorOfTransaction:
		return f.madeTopic(ctx, transactionsTopic), false
	case coordinatorOfShare:
		if f.version < findCoordinatorShare || !validShareKey(key) {
			return wire.InvalidRequest, false
		}
		return wire.CoordinatorNotAvailable, false
	}
	return wire.InvalidRequest, true
}

// madeTopic says whether the topic is there that a coordinator needs.
func (f *coordinatorSearch) madeTopic(ctx context.Context, name string) wire.ErrorCode {
	if err := f.d.needTopic(ctx, name); err != nil {
		f.d.deps.Log.Warn("an internal topic can't be created", "topic", name, "error", err)
		return wire.CoordinatorNotAvailable
	}
	return wire.None
}

// validShareKey checks a key of the form group:topicID:partition, where the group may hold colons (SharePartitionKey).
func validShareKey(key string) bool {
	// Java's split drops what is empty at the end.
	parts := strings.Split(strings.TrimRight(key, ":"), ":")
	if len(parts) < 3 {
		return false
	}
	last := len(parts) - 1
	if len(parts[last-1]) > 24 {
		return false
	}
	id, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[last-1], "="))
	if err != nil || len(id) != len(topicID{}) {
		return false
	}
	_, err = strconv.ParseInt(parts[last], 10, 32)
	group := strings.Join(parts[:last-1], ":")
	return err == nil && strings.TrimFunc(group, func(r rune) bool { return r <= ' ' }) != ""
}
