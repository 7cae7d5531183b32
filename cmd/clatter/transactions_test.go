package main

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

// testClient is one connection to a broker.
type testClient struct {
	t    testing.TB
	conn net.Conn
}

func dialNode(tb testing.TB, n *testNode) *testClient {
	tb.Helper()
	conn, err := new(net.Dialer).DialContext(tb.Context(), "tcp", n.addr)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	return &testClient{tb, conn}
}

// request sends a request in its version and returns the answer.
func request[R kmsg.Response](c *testClient, req kmsg.Request) R {
	c.t.Helper()
	const correlationID = 7
	if _, err := c.conn.Write(kmsg.NewRequestFormatter(kmsg.FormatterClientID("test")).AppendRequest(nil, req, correlationID)); err != nil {
		c.t.Fatal(err)
	}
	if err := c.conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		c.t.Fatal(err)
	}
	var size [4]byte
	if _, err := io.ReadFull(c.conn, size[:]); err != nil {
		c.t.Fatal(err)
	}
	frame := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(c.conn, frame); err != nil {
		c.t.Fatal(err)
	}
	header := 4
	if req.IsFlexible() {
		header++ // no tags
	}
	resp := req.ResponseKind().(R)
	if err := resp.ReadFrom(bytes.Clone(frame[header:])); err != nil {
		c.t.Fatal(err)
	}
	return resp
}

// until asks again while the code is one of those that clients come back after.
func (c *testClient) until(what string, ask func() int16) {
	c.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		switch code := wire.ErrorCode(ask()); code {
		case wire.None:
			return
		case wire.CoordinatorNotAvailable, wire.CoordinatorLoadInProgress, wire.ConcurrentTransactions, wire.NotCoordinator, wire.UnstableOffsetCommit,
			wire.MemberIDRequired:
			if time.Now().Before(end) {
				continue
			}
			fallthrough
		default:
			c.t.Fatalf("%s: %s", what, code)
		}
	}
}

func (c *testClient) want(what string, code int16, want wire.ErrorCode) {
	c.t.Helper()
	if got := wire.ErrorCode(code); got != want {
		c.t.Errorf("%s: %s, want %s", what, got, want)
	}
}

const (
	txnTestTopic = "in"
	txnTestGroup = "copiers"
	txnTestID    = "copier"
)

// prepare makes the topic and looks both coordinators up.
func (c *testClient) prepare() {
	c.t.Helper()
	create := kmsg.NewPtrCreateTopicsRequest()
	create.Version, create.TimeoutMillis = 5, 10_000
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = txnTestTopic, 2, 1
	create.Topics = append(create.Topics, topic)
	c.want("create", request[*kmsg.CreateTopicsResponse](c, create).Topics[0].ErrorCode, wire.None)
	for kind, key := range []string{txnTestGroup, txnTestID} {
		find := kmsg.NewPtrFindCoordinatorRequest()
		find.Version, find.CoordinatorType, find.CoordinatorKey = 3, int8(kind), key
		c.until("find", func() int16 { return request[*kmsg.FindCoordinatorResponse](c, find).ErrorCode })
	}
}

// join makes a new member the only one of the group.
func (c *testClient) join() (member string, generation int32) {
	c.t.Helper()
	join := kmsg.NewPtrJoinGroupRequest()
	join.Version, join.Group, join.ProtocolType = 9, txnTestGroup, "consumer"
	join.SessionTimeoutMillis, join.RebalanceTimeoutMillis = 30_000, 30_000
	join.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: []byte("\x00\x00\x00\x00\x00\x01\x00\x02in\xff\xff\xff\xff")}}
	c.until("join", func() int16 {
		resp := request[*kmsg.JoinGroupResponse](c, join)
		join.MemberID, generation = resp.MemberID, resp.Generation
		return resp.ErrorCode
	})
	sync := kmsg.NewPtrSyncGroupRequest()
	sync.Version, sync.Group, sync.MemberID, sync.Generation = 3, txnTestGroup, join.MemberID, generation
	sync.GroupAssignment = []kmsg.SyncGroupRequestGroupAssignment{{MemberID: join.MemberID, MemberAssignment: []byte("all")}}
	c.want("sync", request[*kmsg.SyncGroupResponse](c, sync).ErrorCode, wire.None)
	return join.MemberID, generation
}

func (c *testClient) leave(member string) {
	c.t.Helper()
	leave := kmsg.NewPtrLeaveGroupRequest()
	leave.Version, leave.Group, leave.MemberID = 2, txnTestGroup, member
	c.want("leave", request[*kmsg.LeaveGroupResponse](c, leave).ErrorCode, wire.None)
}

// testProducer is what a producer knows of itself.
type testProducer struct {
	id    int64
	epoch int16
}

func (c *testClient) initProducer() (p testProducer) {
	c.t.Helper()
	init := kmsg.NewPtrInitProducerIDRequest()
	id := txnTestID
	init.Version, init.TransactionalID, init.TransactionTimeoutMillis, init.ProducerID, init.ProducerEpoch = 4, &id, 60_000, -1, -1
	c.until("init", func() int16 {
		resp := request[*kmsg.InitProducerIDResponse](c, init)
		p = testProducer{resp.ProducerID, resp.ProducerEpoch}
		return resp.ErrorCode
	})
	return p
}

// commit commits an offset for partition 0 as part of the transaction of a producer, who adds the group if the version doesn't.
func (c *testClient) commit(version int16, p testProducer, member string, generation int32, offset int64) int16 {
	c.t.Helper()
	if version < 5 {
		add := kmsg.NewPtrAddOffsetsToTxnRequest()
		add.Version, add.TransactionalID, add.ProducerID, add.ProducerEpoch, add.Group = 3, txnTestID, p.id, p.epoch, txnTestGroup
		c.until("add", func() int16 { return request[*kmsg.AddOffsetsToTxnResponse](c, add).ErrorCode })
	}
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.Version, req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group = version, txnTestID, p.id, p.epoch, txnTestGroup
	req.MemberID, req.Generation = member, generation
	req.Topics = []kmsg.TxnOffsetCommitRequestTopic{{
		Topic: txnTestTopic, Partitions: []kmsg.TxnOffsetCommitRequestTopicPartition{{Offset: offset, LeaderEpoch: -1}},
	}}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		code := request[*kmsg.TxnOffsetCommitResponse](c, req).Topics[0].Partitions[0].ErrorCode
		if code != int16(wire.ConcurrentTransactions) || time.Now().After(end) {
			return code
		}
	}
}

// end commits the transaction of a producer, whose next epoch is in the answer from version 5 on.
func (c *testClient) end(version int16, p testProducer) testProducer {
	c.t.Helper()
	req := kmsg.NewPtrEndTxnRequest()
	req.Version, req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = version, txnTestID, p.id, p.epoch, true
	c.until("end", func() int16 {
		resp := request[*kmsg.EndTxnResponse](c, req)
		if version >= 5 && resp.ErrorCode == 0 {
			p = testProducer{resp.ProducerID, resp.ProducerEpoch}
		}
		return resp.ErrorCode
	})
	return p
}

// offset is what the group is told of partition 0.
func (c *testClient) offset() (offset int64, code int16) {
	c.t.Helper()
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Version, req.Group, req.RequireStable = 7, txnTestGroup, true
	req.Topics = []kmsg.OffsetFetchRequestTopic{{Topic: txnTestTopic, Partitions: []int32{0}}}
	resp := request[*kmsg.OffsetFetchResponse](c, req)
	if resp.ErrorCode != 0 {
		return -1, resp.ErrorCode
	}
	p := resp.Topics[0].Partitions[0]
	return p.Offset, p.ErrorCode
}

// wantStable waits until no transaction is about to change the offset.
func (c *testClient) wantStable(want int64) {
	c.t.Helper()
	var offset int64
	c.until("fetch", func() (code int16) {
		offset, code = c.offset()
		return code
	})
	if offset != want {
		c.t.Errorf("offset %d, want %d", offset, want)
	}
}

// TestOffsetsOfTransactionsAreFencedAndSurviveARestart plays a consumer that copies, with a producer in transactions (KIP-447): from
// socket to disk and back, with clients of both transaction versions.
func TestOffsetsOfTransactionsAreFencedAndSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	n := runTestNode(t, dir, "group.initial.rebalance.delay.ms=0")
	c := dialNode(t, n)
	c.prepare()
	first, generation := c.join()
	p := c.initProducer()
	c.want("first commit", c.commit(5, p, first, generation, 5), wire.None)
	_, code := c.offset()
	c.want("while the transaction is open", code, wire.UnstableOffsetCommit)

	n.signals <- syscall.SIGTERM
	if code := <-n.code; code != exitOK {
		t.Fatalf("code %d:\n%s", code, n.logs)
	}
	n.code <- exitOK
	n = runTestNode(t, dir, "group.initial.rebalance.delay.ms=0")
	c = dialNode(t, n)
	c.until("the transaction is still open", func() int16 {
		if _, code := c.offset(); code != int16(wire.UnstableOffsetCommit) {
			return code | int16(wire.CoordinatorLoadInProgress)
		}
		return 0
	})
	p = c.end(5, p)
	c.wantStable(5)

	// Another instance takes over: neither the member nor its generation may commit any more.
	c.leave(first)
	second, next := c.join()
	c.want("a member that has left", c.commit(5, p, first, generation, 6), wire.UnknownMemberID)
	c.want("an old generation", c.commit(5, p, second, generation, 6), wire.IllegalGeneration)
	c.want("the new member", c.commit(5, p, second, next, 7), wire.None)
	old := p
	p = c.initProducer() // It ends what its predecessor has left open.
	c.want("a producer that was replaced", c.commit(5, old, second, next, 8), wire.InvalidProducerEpoch)
	c.wantStable(5)

	// A client of the first transaction version.
	c.want("not added", notAdded(c, p), wire.InvalidTxnState)
	c.want("added", c.commit(3, p, second, next, 9), wire.None)
	c.end(3, p)
	c.wantStable(9)
}

// notAdded commits without having told the coordinator of transactions.
func notAdded(c *testClient, p testProducer) int16 {
	c.t.Helper()
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.Version, req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group = 3, txnTestID, p.id, p.epoch, txnTestGroup
	req.Topics = []kmsg.TxnOffsetCommitRequestTopic{{
		Topic: txnTestTopic, Partitions: []kmsg.TxnOffsetCommitRequestTopicPartition{{Offset: 1, LeaderEpoch: -1}},
	}}
	return request[*kmsg.TxnOffsetCommitResponse](c, req).Topics[0].Partitions[0].ErrorCode
}

// TestTransactionOver10000Partitions begins and ends a transaction over as many partitions as a topic may be created with, beside
// a producer that has nothing to do with it.
func TestTransactionOver10000Partitions(t *testing.T) {
	const partitions = 10_000
	c := dialNode(t, runTestNode(t, ""))
	c.prepare()
	create := kmsg.NewPtrCreateTopicsRequest()
	create.Version, create.TimeoutMillis = 5, 10_000
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = "many", partitions, 1
	create.Topics = append(create.Topics, topic)
	c.want("create", request[*kmsg.CreateTopicsResponse](c, create).Topics[0].ErrorCode, wire.None)
	for _, commit := range []bool{true, false} {
		began := time.Now()
		p := c.initProducer()
		add := kmsg.NewPtrAddPartitionsToTxnRequest()
		add.Version, add.TransactionalID, add.ProducerID, add.ProducerEpoch = 3, txnTestID, p.id, p.epoch
		all := make([]int32, partitions)
		for i := range all {
			all[i] = int32(i)
		}
		add.Topics = []kmsg.AddPartitionsToTxnRequestTopic{{Topic: "many", Partitions: all}}
		c.until("add", func() int16 {
			resp := request[*kmsg.AddPartitionsToTxnResponse](c, add)
			if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != partitions {
				t.Fatalf("%d topics in the answer", len(resp.Topics))
			}
			for _, r := range resp.Topics[0].Partitions {
				if r.ErrorCode != 0 {
					return r.ErrorCode
				}
			}
			return 0
		})
		end := kmsg.NewPtrEndTxnRequest()
		end.Version, end.TransactionalID, end.ProducerID, end.ProducerEpoch, end.Commit = 3, txnTestID, p.id, p.epoch, commit
		c.until("end", func() int16 { return request[*kmsg.EndTxnResponse](c, end).ErrorCode })
		ended := time.Now()
		describe := kmsg.NewPtrDescribeTransactionsRequest()
		describe.TransactionalIDs = []string{txnTestID}
		for limit := time.Now().Add(3 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
			d := request[*kmsg.DescribeTransactionsResponse](c, describe).TransactionStates[0]
			if strings.HasPrefix(d.State, "Complete") {
				break
			}
			if d.ErrorCode != 0 || time.Now().After(limit) {
				t.Fatalf("%s in state %q", wire.ErrorCode(d.ErrorCode), d.State)
			}
		}
		t.Logf("commit=%t: added and ended after %v, complete after %v more", commit, ended.Sub(began), time.Since(ended))
	}
}
