// Fetch (key 1), versions 4-18.
//
// 4 isolation level, last stable offset and aborted transactions (KIP-98); 5 log start offset
// (KIP-107); 7 sessions (KIP-227); 9 current leader epoch (KIP-320); 10 zstd may be in
// the records (KIP-110); 11 rack (KIP-392); 12 flexible, last fetched epoch and diverging
// epoch (KIP-595); 13 topic IDs (KIP-516); 15 replica state (KIP-903); 16 current leader
// and node endpoints (KIP-951); 17 replica directory ID (KIP-853); 18 high watermark of
// the replica (KIP-1166).
//
// Knowingly absent: reading as a replica, since nobody replicates from this broker;
// preferred read replicas, since there is no other one; remote storage.

package handlers

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/broker/catalog"
	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire"
)

// fetch is one Fetch request from its session to its answer. With one partition, as from most consumers, all of it
// is one allocation.
type fetch struct {
	d         *Dispatcher
	version   int16
	peer      *broker.Peer
	context   fetchContext
	targets   []fetchTarget
	isolation logstore.Isolation
	replica   bool // the client says that it is a replica
	maxBytes  int
	minBytes  int
	maxWait   time.Duration

	bytes   int  // read so far
	counted int  // towards minBytes: what was read, and what a limit kept from being read
	ended   bool // something was read that can't wait: an error, or a diverging log

	resp         wire.FetchResponse
	oneTarget    [1]fetchTarget
	oneTold      [1]*fetchTarget
	oneTopic     [1]wire.FetchTopic
	onePartition [1]wire.FetchPartition
}

func (d *Dispatcher) fetch(_ context.Context, req *broker.Request) (broker.Reply, error) {
	r := req.Message.(*kmsg.FetchRequest)
	f := &fetch{d: d, version: r.Version, peer: req.Peer}
	f.context.cache, f.context.room = d.sessions, f.oneTarget[:0]
	image := d.topics()
	targets, code := f.context.open(r, image, d.now())
	if code != wire.None {
		return f.refuse(code), nil
	}
	f.targets = targets
	f.limits(r)
	if f.resolve(image) == 0 {
		return f.answer(), nil
	}
	if f.isolation != logstore.ReadUncommitted && f.isolation != logstore.ReadCommitted {
		return f.refuseAll(r, wire.UnknownServerError), nil
	}
	f.readAll()
	if f.ready() {
		return f.answer(), nil
	}
	return broker.Reply{Later: f.wait}, nil
}

// limits takes what the client wants over what the broker allows.
func (f *fetch) limits(r *kmsg.FetchRequest) {
	f.isolation = logstore.Isolation(r.IsolationLevel)
	replicaID := r.ReplicaID
	if r.Version >= fetchReplicaState {
		replicaID = r.ReplicaState.ID
	}
	f.replica = replicaID >= 0
	f.maxBytes = int(min(r.MaxBytes, f.d.config().FetchMaxBytes))
	f.minBytes = min(int(r.MinBytes), f.maxBytes)
	f.maxWait = time.Duration(r.MaxWaitMillis) * time.Millisecond
}

// resolve finds the log of each target, and returns how many there are that exist.
func (f *fetch) resolve(image topics) (found int) {
	for i := range f.targets {
		t := &f.targets[i]
		topic, code := t.lookup(image, f.context.byID)
		if code != wire.None {
			t.fail(code)
			t.unknown = code != wire.InconsistentTopicID
		}
		if !t.unknown {
			found++
		}
		if topic == nil {
			continue
		}
		t.topic, t.id = topic.Name, topic.ID
		log, err := f.d.deps.Store.Partition(t.id, t.key.partition)
		if err != nil {
			t.failWith(err)
			continue
		}
		t.log = log
	}
	return found
}

// lookup finds the topic of t if it has the partition. A session that has known a topic by
// its ID goes on to look for its name when the ID is gone, and so finds out whether
// the topic was deleted or made anew.
func (t *fetchTarget) lookup(image topics, byID bool) (*catalog.Topic, wire.ErrorCode) {
	if byID {
		if topic := image.TopicByID(t.key.id); topic != nil {
			return hasPartition(topic, t.key.partition)
		}
		if t.topic == "" {
			return nil, wire.UnknownTopicID
		}
		if topic, _ := hasPartition(image.TopicByName(t.topic), t.key.partition); topic != nil {
			return nil, wire.InconsistentTopicID
		}
		return nil, wire.UnknownTopicOrPartition
	}
	return hasPartition(image.TopicByName(t.key.topic), t.key.partition)
}

// readAll reads the targets in order until the bytes that the client wants are used up.
// The first batch of all is read whole however large it is, so that a client always
// gets on (KIP-74).
func (f *fetch) readAll() {
	for i := range f.targets {
		f.read(&f.targets[i])
	}
}

// read reads one target anew, within what the others leave.
func (f *fetch) read(t *fetchTarget) {
	if t.log == nil {
		f.ended = f.ended || !t.unknown
		return
	}
	f.forget(t)
	limit := f.maxBytes
	if limit > 0 {
		limit = max(0, limit-f.bytes)
	}
	t.read(f.isolation, limit, f.bytes == 0, f.replica)
	f.bytes += t.size()
	if t.counted = t.size(); t.fetched.More {
		// Kafka cuts batches to fill the limit, and we end at the last whole one: what is missing to the limit is
		// there, so it counts. Else a client whose min.bytes is close to its max.bytes would wait in vain.
		t.counted = max(t.counted, min(int(t.maxBytes), limit))
	}
	f.counted += t.counted
	f.ended = f.ended || t.err != wire.None || t.diverging
}

// forget takes what was read of t out of the sums.
func (f *fetch) forget(t *fetchTarget) {
	f.bytes -= t.size()
	f.counted -= t.counted
	t.counted = 0
}

// ready reports whether the client should have its answer now.
func (f *fetch) ready() bool {
	return f.counted >= f.minBytes || f.ended || f.maxWait <= 0
}

// wait answers once there is enough to tell, or max.wait is over. It runs outside of the connection's
// goroutine.
func (f *fetch) wait(ctx context.Context) (broker.Reply, error) {
	w := logstore.NewWaiter()
	defer f.unwatch(w)
	timer := time.NewTimer(f.maxWait)
	defer timer.Stop()
	for woken := false; !f.refresh(w, woken); woken = true {
		select {
		case <-w.C():
		case <-timer.C:
			return f.answer(), nil
		case <-ctx.Done():
			f.release()
			return broker.Reply{}, context.Cause(ctx)
		}
	}
	return f.answer(), nil
}

// refresh reads those targets again that moved since they were read, and reports
// whether the fetch is ready. When it is not, every target is watched.
//
// The order watch, look, read makes sure that no move is missed: what moves before the look
// is seen by it, what moves after it wakes the waiter. A target that moved is unwatched
// first, because a wake may have made its log forget the waiter already.
func (f *fetch) refresh(w *logstore.Waiter, woken bool) bool {
	for {
		moved := false
		for i := range f.targets {
			t := &f.targets[i]
			if t.log == nil {
				continue
			}
			if !t.watched {
				t.log.Watch(w)
				t.watched = true
			}
			if t.log.Offsets() == t.fetched.Offsets {
				continue
			}
			t.log.Unwatch(w)
			t.watched = false
			f.read(t)
			moved = true
		}
		if woken && !moved {
			f.checkEnded()
		}
		if !moved || f.ready() {
			return f.ready()
		}
	}
}

// checkEnded finds out whether a wake that moved nothing told of the end of a partition.
func (f *fetch) checkEnded() {
	for i := range f.targets {
		t := &f.targets[i]
		if t.log == nil {
			continue
		}
		if _, err := f.d.deps.Store.Partition(t.id, t.key.partition); err != nil {
			f.forget(t)
			t.release()
			t.failWith(err)
			f.ended = true
		}
	}
}

func (f *fetch) unwatch(w *logstore.Waiter) {
	for i := range f.targets {
		if t := &f.targets[i]; t.watched {
			t.log.Unwatch(w)
		}
	}
}

func (f *fetch) release() {
	for i := range f.targets {
		f.targets[i].release()
	}
}
