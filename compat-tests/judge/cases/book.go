package cases

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

// Group is a broker that some cases share.
type Group struct {
	Overrides map[string]string
	Serial    bool // The cases change the broker as a whole, so they run one after another.
}

// Groups lists the brokers by name.
var Groups = map[string]Group{
	"": {},
	// Cases that change dynamic configuration of the broker or look at everything it has.
	"serial": {Serial: true},
	// Cases that create an internal topic.
	"internal": {Serial: true},
	// A broker that creates and deletes no topics unasked and allows nothing much.
	"strict": {Overrides: map[string]string{
		"auto.create.topics.enable": "false",
		"delete.topic.enable":       "false",
	}},
	// A broker whose defaults for new topics were all changed.
	"defaults": {Overrides: map[string]string{
		"num.partitions":             "3",
		"default.replication.factor": "1",
		"log.retention.hours":        "24",
		"log.segment.bytes":          "2097152",
		"log.cleanup.policy":         "compact,delete",
		"compression.type":           "lz4",
		"message.max.bytes":          "2000",
		"log.roll.ms":                "3600000",
		"min.insync.replicas":        "1",
	}},
	// Conversations of groups: a new group does not wait for more members, and what members agree on is decided at once.
	"groups": {Overrides: map[string]string{"group.initial.rebalance.delay.ms": "0", "group.consumer.assignment.interval.ms": "0"}},
	// Small groups, with little to say about an offset.
	"group-limits": {Overrides: map[string]string{
		"group.initial.rebalance.delay.ms":      "0",
		"group.consumer.assignment.interval.ms": "0",
		"group.max.size":                        "2",
		"group.consumer.max.size":               "2",
		"offset.metadata.max.bytes":             "10",
		"offsets.topic.num.partitions":          "3",
	}},
	// New groups wait for more members.
	"group-delay": {Overrides: map[string]string{"group.initial.rebalance.delay.ms": "2000"}},
	// Sessions so short that a conversation can wait for their end.
	"group-timers": {Overrides: map[string]string{
		"group.initial.rebalance.delay.ms":         "0",
		"group.min.session.timeout.ms":             "100",
		"group.consumer.assignment.interval.ms":    "0",
		"group.consumer.min.session.timeout.ms":    "300",
		"group.consumer.session.timeout.ms":        "1000",
		"group.consumer.min.heartbeat.interval.ms": "100",
		"group.consumer.heartbeat.interval.ms":     "100",
		"offsets.topic.num.partitions":             "3",
	}},
	// A broker that nobody asked for a coordinator yet.
	"first-group": {},
	// Transactions, and groups whose offsets they commit.
	"txn": {Overrides: map[string]string{
		"group.initial.rebalance.delay.ms":      "0",
		"group.consumer.assignment.interval.ms": "0",
		"offsets.topic.num.partitions":          "3",
		"transaction.state.log.num.partitions":  "3",
	}},
	// Transactions whose time is over soon.
	"txn-timers": {Overrides: map[string]string{
		"transaction.max.timeout.ms":                                  "10000",
		"transaction.abort.timed.out.transaction.cleanup.interval.ms": "50",
		"offsets.topic.num.partitions":                                "3",
		"transaction.state.log.num.partitions":                        "3",
	}},
	// Transactional ids that are forgotten soon.
	"txn-expiry": {Overrides: map[string]string{
		"transactional.id.expiration.ms":                             "1000",
		"transaction.remove.expired.transaction.cleanup.interval.ms": "100",
		"transaction.state.log.num.partitions":                       "3",
	}},
	// Brokers whose version of transactions is lowered by the cases.
	"txn-0": {Overrides: map[string]string{"offsets.topic.num.partitions": "3", "transaction.state.log.num.partitions": "3"}},
	"txn-1": {Overrides: map[string]string{"offsets.topic.num.partitions": "3", "transaction.state.log.num.partitions": "3"}},
	// Producers that ask for a new epoch thirty thousand times: nobody waits for the disk.
	"txn-epochs": {Overrides: map[string]string{
		"log.flush.interval.messages":                                 "9223372036854775807",
		"transaction.abort.timed.out.transaction.cleanup.interval.ms": "50",
		"offsets.topic.num.partitions":                                "3",
		"transaction.state.log.num.partitions":                        "3",
	}},
	// A broker that nobody asked for a coordinator of transactions yet.
	"first-txn": {},
	// Limits that are large by default made small.
	"limits": {Overrides: map[string]string{
		"fetch.max.bytes":                  "1024",
		"max.request.partition.size.limit": "3",
	}, Serial: true},
}

// book collects cases.
type book struct {
	cases []script.Case
	group string // Of the cases that are added.
}

// add adds a case.
func (b *book) add(api string, version int16, what string, steps ...script.Step) {
	b.cases = append(b.cases, script.Case{Name: fmt.Sprintf("%s/v%d/%s", api, version, what), Group: b.group, Steps: steps})
}

// in adds cases to a group.
func (b *book) in(group string, f func()) {
	old := b.group
	b.group = group
	f()
	b.group = old
}

// All returns every case, sorted by name.
func All() []script.Case {
	var b book
	for _, add := range []func(*book){
		produceCases, fetchCases, listOffsetsCases, metadataCases, apiVersionsCases,
		createTopicsCases, deleteTopicsCases, createPartitionsCases, deleteRecordsCases, initProducerIDCases, offsetForLeaderEpochCases,
		describeConfigsCases, alterConfigsCases, incrementalAlterConfigsCases, listConfigResourcesCases,
		describeTopicPartitionsCases, describeClusterCases, describeLogDirsCases, describeProducersCases, describeQuorumCases,
		limitCases, internalCases, groupCases, txnCases, regressionCases, allEdges, damageCases,
	} {
		add(&b)
	}
	slices.SortStableFunc(b.cases, func(x, y script.Case) int { return cmp.Compare(x.Name, y.Name) })
	return b.cases
}

// versions lists the versions from first to last.
func versions(first, last int16) []int16 {
	var vs []int16
	for v := first; v <= last; v++ {
		vs = append(vs, v)
	}
	return vs
}

// ask sends what build makes and notes the answer.
func ask(build func(r *script.Run) kmsg.Request) script.Ask { return script.Ask{Build: build} }

// on moves a question to another connection.
func on(conn int, a script.Ask) script.Ask {
	a.Conn = conn
	return a
}

// until repeats a question until the answer satisfies f.
func until(a script.Ask, f func(kmsg.Response) bool) script.Ask {
	a.Until = f
	return a
}

//go:fix inline
