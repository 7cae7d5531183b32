package franz

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/clatterhq/clatter/compat-tests/txns"
)

// optionSession is how long, in ms, a copier that died stays a member.
const optionSession = "session"

// copier copies as a member of a group until the context ends.
func copier(ctx context.Context, c txns.Copying, say func(string)) error {
	session, err := kgo.NewGroupTransactSession(
		kgo.SeedBrokers(c.Addr), kgo.TransactionalID(c.ID), kgo.ConsumerGroup(c.Group), kgo.ConsumeTopics(c.Input),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.SessionTimeout(time.Duration(c.Number(optionSession))*time.Millisecond), kgo.HeartbeatInterval(300*time.Millisecond),
		kgo.MetadataMinAge(100*time.Millisecond), kgo.TransactionTimeout(30*time.Second),
	)
	if err != nil {
		return err
	}
	defer session.Close()
	for n := 1; ctx.Err() == nil; n++ {
		fetches := session.PollRecords(ctx, c.Number(txns.OptionBatch))
		if fetches.NumRecords() == 0 {
			continue
		}
		if err := transact(session, c, fetches, n%c.Number(txns.OptionAbort) == 0, say); err != nil {
			return err
		}
	}
	return nil
}

// transact copies what was fetched in one transaction.
func transact(session *kgo.GroupTransactSession, c txns.Copying, fetches kgo.Fetches, drop bool, say func(string)) error {
	ctx := context.Background() // What was begun is ended even if it is time to leave.
	if err := session.Begin(); err != nil {
		return err
	}
	var failed kgo.FirstErrPromise
	fetches.EachRecord(func(r *kgo.Record) {
		value := r.Value
		if drop {
			value = []byte("aborted")
		}
		session.Produce(ctx, &kgo.Record{Topic: c.Output, Partition: r.Partition, Value: value}, failed.Promise())
	})
	err := failed.Err()
	committed, endErr := session.End(ctx, kgo.TransactionEndTry(!drop && err == nil))
	switch err := errors.Join(err, endErr); {
	case errors.Is(err, kerr.ProducerFenced), errors.Is(err, kerr.InvalidProducerEpoch):
		return errors.Join(txns.ErrFenced, err)
	case err != nil && endErr != nil:
		return err
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
	}
	if committed {
		say("committed")
	} else {
		say("aborted")
	}
	return nil
}

// TestTransactionsUnderKills is bar R14 with franz-go.
func TestTransactionsUnderKills(t *testing.T) {
	t.Parallel()
	txns.Soak(t, txns.Client{
		Command: txns.Self, Groups: true,
		Broker: map[string]string{"group.min.session.timeout.ms": "1000"}, Options: map[string]string{optionSession: "1500"},
	})
}

func TestTransactions(t *testing.T) {
	t.Parallel()
	txns.Copy(t, txns.Client{Command: txns.Self, Groups: true, Options: map[string]string{optionSession: "6000"}})
}
