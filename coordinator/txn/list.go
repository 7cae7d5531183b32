package txn

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/coordinator"
	"github.com/clatterhq/clatter/wire"
)

// Versions of ListTransactions that brought filters.
const (
	listDurationSince = 1
	listPatternSince  = 2
)

// DescribeTransactions tells all about transactional IDs.
func (c *Coordinator) DescribeTransactions(ctx context.Context, req *kmsg.DescribeTransactionsRequest) *kmsg.DescribeTransactionsResponse {
	resp := req.ResponseKind().(*kmsg.DescribeTransactionsResponse)
	for _, id := range req.TransactionalIDs {
		if !validID(id) {
			resp.TransactionStates = append(resp.TransactionStates, described(id, wire.InvalidRequest))
			continue
		}
		resp.TransactionStates = append(resp.TransactionStates, c.looks.ask(ctx, c, question[string, kmsg.DescribeTransactionsResponseTransactionState]{
			id:      id,
			request: id,
			decide: func(s *Shard, id *string, m *Metadata) verdict[kmsg.DescribeTransactionsResponseTransactionState] {
				return verdict[kmsg.DescribeTransactionsResponseTransactionState]{answer: s.describe(*id, m)}
			},
			refused: func(code wire.ErrorCode) kmsg.DescribeTransactionsResponseTransactionState {
				return described(id, code)
			},
		}))
	}
	return resp
}

func described(id string, code wire.ErrorCode) kmsg.DescribeTransactionsResponseTransactionState {
	d := kmsg.NewDescribeTransactionsResponseTransactionState()
	d.TransactionalID, d.ErrorCode = id, int16(code)
	return d
}

// describe describes a transactional ID. Of a transaction that is ending, only those partitions are left that still wait for their markers.
func (s *Shard) describe(id string, m *Metadata) kmsg.DescribeTransactionsResponseTransactionState {
	if m == nil {
		return described(id, wire.TransactionalIDNotFound)
	}
	d := described(id, wire.None)
	d.State, d.TimeoutMillis, d.StartTimestamp = m.State.String(), m.TimeoutMs, m.StartMs
	d.ProducerID, d.ProducerEpoch = m.ProducerID, m.ProducerEpoch
	left := m.Partitions
	if t := s.transactions[id]; t.completion != nil {
		left = t.completion.open(left)
	}
	for _, t := range left {
		d.Topics = append(d.Topics, kmsg.DescribeTransactionsResponseTransactionStateTopic{Topic: t.topic, Partitions: t.partitions})
	}
	return d
}

// listing is what one shard has.
type listing struct {
	code   wire.ErrorCode
	listed []kmsg.ListTransactionsResponseTransactionState
}

// ListTransactions lists the transactional IDs of all shards that pass the filters (TransactionStateManager.listTransactionStates).
func (c *Coordinator) ListTransactions(ctx context.Context, req *kmsg.ListTransactionsRequest) *kmsg.ListTransactionsResponse {
	resp := req.ResponseKind().(*kmsg.ListTransactionsResponse)
	filter, unknown, err := newFilter(req, c.now().UnixMilli())
	if err != nil {
		resp.ErrorCode = int16(wire.InvalidRegularExpression)
		return resp
	}
	shards, err := c.runtime.Shards()
	if err != nil {
		// Without the topic there is none.
		if !errors.Is(err, coordinator.ErrNotAvailable) {
			resp.ErrorCode = int16(wire.CoordinatorNotAvailable)
			return resp
		}
	}
	resp.UnknownStateFilters = unknown
	c.completeLingering()
	matching := newMatching(filter.pattern)
	for _, l := range c.listShards(ctx, shards, filter) {
		switch l.code {
		case wire.None:
			resp.TransactionStates = append(resp.TransactionStates, matching.of(l.listed)...)
		case wire.NotCoordinator: // Its IDs are elsewhere.
		default:
			resp.ErrorCode = int16(l.code)
		}
	}
	if matching.late {
		resp.ErrorCode = int16(wire.InvalidRegularExpression)
	}
	if resp.ErrorCode != 0 {
		resp.TransactionStates, resp.UnknownStateFilters = nil, nil
	}
	return resp
}

// listShards asks all shards at once.
func (c *Coordinator) listShards(ctx context.Context, shards int32, f *filter) []listing {
	asked := make([]*call[*filter, listing], shards)
	for i := range asked {
		k := newCall[*filter, listing]()
		k.question = question[*filter, listing]{
			request: f,
			decide: func(s *Shard, f **filter, _ *Metadata) verdict[listing] {
				return verdict[listing]{answer: listing{listed: s.list(*f)}}
			},
			refused: func(code wire.ErrorCode) listing { return listing{code: code} },
		}
		asked[i] = k
		c.runtime.SubmitTo(int32(i), k.command)
	}
	listings := make([]listing, shards)
	for i, k := range asked {
		listings[i] = k.wait(ctx)
	}
	return listings
}

// filter chooses transactional IDs. One that is empty lets all pass. Shards look at everything but the pattern, which takes its time.
type filter struct {
	producerIDs []int64
	states      []State
	byState     bool // though perhaps by names that nobody knows
	durationMs  int64
	nowMs       int64
	pattern     *regexp.Regexp
}

// newFilter is the filter of a request, and the states in it that nobody knows. An error is about the pattern.
func newFilter(req *kmsg.ListTransactionsRequest, nowMs int64) (f *filter, unknown []string, err error) {
	f = &filter{producerIDs: slices.Clone(req.ProducerIDFilters), byState: len(req.StateFilters) > 0, durationMs: -1, nowMs: nowMs}
	for _, name := range req.StateFilters {
		if i := slices.Index(stateNames[:], name); i >= 0 {
			f.states = append(f.states, State(i))
		} else if !slices.Contains(unknown, name) {
			unknown = append(unknown, name)
		}
	}
	if req.Version >= listDurationSince {
		f.durationMs = req.DurationFilterMillis
	}
	if p := req.TransactionalIDPattern; req.Version >= listPatternSince && p != nil && *p != "" {
		if err = coordinator.CheckPattern(*p); err == nil {
			f.pattern, err = regexp.Compile(*p)
		}
		if err == nil {
			f.pattern.Longest() // What matches the whole of a text is its longest match; a pattern that ends in \Q would swallow an anchor.
		}
	}
	return f, unknown, err
}

// passes reports whether an ID is chosen. One without a transaction counts as open since the epoch, as in Kafka.
func (f *filter) passes(m *Metadata) bool {
	return (len(f.producerIDs) == 0 || slices.Contains(f.producerIDs, m.ProducerID)) &&
		(!f.byState || slices.Contains(f.states, m.State)) &&
		(f.durationMs < 0 || f.nowMs-m.StartMs > f.durationMs)
}

// matchBudget is how long a pattern may take with all IDs: a hundred thousand of them take one that somebody means some milliseconds.
const matchBudget = 2 * time.Second

// matching is a pattern that IDs are matched with, outside of their shards.
type matching struct {
	pattern *regexp.Regexp // nil: all match
	until   time.Time
	late    bool // it took too long
}

func newMatching(pattern *regexp.Regexp) *matching {
	return &matching{pattern: pattern, until: time.Now().Add(matchBudget)}
}

// of are those that match.
func (x *matching) of(listed []kmsg.ListTransactionsResponseTransactionState) []kmsg.ListTransactionsResponseTransactionState {
	if x.pattern == nil {
		return listed
	}
	return slices.DeleteFunc(listed, func(t kmsg.ListTransactionsResponseTransactionState) bool {
		x.late = x.late || time.Now().After(x.until)
		return x.late || !matchesWhole(x.pattern, t.TransactionalID)
	})
}

// matchesWhole reports whether a pattern, which is one of longest matches, matches all of a text.
func matchesWhole(pattern *regexp.Regexp, text string) bool {
	at := pattern.FindStringIndex(text)
	return at != nil && at[0] == 0 && at[1] == len(text)
}

func (s *Shard) list(f *filter) []kmsg.ListTransactionsResponseTransactionState {
	var listed []kmsg.ListTransactionsResponseTransactionState
	for id, t := range s.transactions {
		if f.passes(&t.last) {
			listed = append(listed, kmsg.ListTransactionsResponseTransactionState{
				TransactionalID: id, ProducerID: t.last.ProducerID, TransactionState: t.last.State.String(),
			})
		}
	}
	return listed
}
