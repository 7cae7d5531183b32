package cases

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

// txnFeature is the feature that says how transactions work: 2 raises a producer's epoch with the end of each.
const txnFeature = "transaction.version"

// lowered sets the finalized version of a feature and waits until the broker says so.
func lowered(feature string, level int16) script.Setup {
	return func(r *script.Run) error {
		resp, err := r.Do(updateFeature(1, feature, level, 2)(r))
		answer, ok := resp.(*kmsg.UpdateFeaturesResponse)
		if err != nil || !ok {
			return fmt.Errorf("update features: %w: %w", errAnswer, err)
		}
		if answer.ErrorCode != 0 {
			return kerr.ErrorForCode(answer.ErrorCode)
		}
		return finalized(feature, level)(r)
	}
}

// finalized waits until a broker names the version of a feature.
func finalized(feature string, level int16) script.Setup {
	return func(r *script.Run) error {
		return r.Poll(func() (bool, error) {
			resp, err := r.Do(apiVersions(4)(r))
			answer, ok := resp.(*kmsg.ApiVersionsResponse)
			if err != nil || !ok {
				return false, err
			}
			at := int16(0)
			for _, f := range answer.FinalizedFeatures {
				if f.Name == feature {
					at = f.MaxVersionLevel
				}
			}
			return at == level, nil
		})
	}
}

// updateFeature asks for another version of a feature: upgrade is 1 to raise it, 2 to lower it safely, 3 at any price.
func updateFeature(v int16, feature string, level int16, upgrade int8) func(r *script.Run) kmsg.Request {
	return func(*script.Run) kmsg.Request {
		req := kmsg.NewPtrUpdateFeaturesRequest()
		req.Version, req.TimeoutMillis = v, 10_000
		req.FeatureUpdates = []kmsg.UpdateFeaturesRequestFeatureUpdate{{Feature: feature, MaxVersionLevel: level, UpgradeType: upgrade}}
		return req
	}
}

// txnVersionCases are about brokers whose version of transactions was lowered: clients that know more are served as before.
func txnVersionCases(b *book) {
	for _, level := range []int16{0, 1} {
		b.in(fmt.Sprintf("txn-%d", level), func() {
			low := func(api string, v int16) func(what string, parts ...any) {
				return func(what string, parts ...any) {
					b.inTxn(api, v)(fmt.Sprintf("level-%d/%s", level, what), append([]any{lowered(txnFeature, level)}, parts...)...)
				}
			}
			txnAtLevel(level, low)
		})
	}
}

func txnAtLevel(level int16, low func(api string, v int16) func(what string, parts ...any)) {
	see := describeTxns(txnID)
	low("ApiVersions", 4)("features", ask(apiVersions(4)))
	low("InitProducerID", 4)("fences", opened(1), initTxn(4), completed(), see, initTxn(4), see, fetched(0))
	low("InitProducerID", 4)("own-epoch", initialized(), initTxn(4, initAs(owner(1, 0))), initTxn(4, initAs(owner(1, 0))), see)
	for _, commit := range []bool{true, false} {
		what := map[bool]string{true: "commit", false: "abort"}[commit]
		low("EndTxn", 4)(what, opened(1), endTxn(4, owner(1, 0), commit), completed(), see, endTxn(4, owner(1, 0), commit), endTxn(4, owner(1, 0), !commit), fetched(0), ask(describeProducers("~t", 0)))
		if level == 0 {
			low("EndTxn", 5)(what, opened(1), endTxn(5, owner(1, 0), commit)) // Behind this Kafka answers CONCURRENT_TRANSACTIONS for ever.
			continue
		}
		low("EndTxn", 5)(what, opened(1), endTxn(5, owner(1, 0), commit), later(endTxn(5, owner(1, 0), commit)), endTxn(5, owner(1, 0), !commit))
	}
	if level > 0 {
		low("EndTxn", 5)("abort-without-transaction", initialized(), endTxn(5, owner(1, 0), false), completed(), see)
	}
	low("Produce", 11)("not-added", topic("t", 1), initialized(), txnProduce(11, owner(1, 0), 0, "a"), see, fetched(0))
	low("Produce", 12)("not-added", topic("t", 1), initialized(), txnProduce(12, owner(1, 0), 0, "a"), see, fetched(0))
	low("Produce", 12)("added", opened(1), txnProduce(12, owner(1, 0), 1, "b"), see, fetched(0))
	low("Produce", 11)("behind-the-end", opened(1), did(endTxn(4, owner(1, 0), true)), completed(), txnProduce(11, owner(1, 0), 1, "b"), see, fetched(0))
	low("TxnOffsetCommit", 4)("not-added", ready("g"), topic("t", 2), initialized(), txnCommit(4, owner(1, 0)))
	low("TxnOffsetCommit", 5)("not-added", ready("g"), topic("t", 2), initialized(), txnCommit(5, owner(1, 0)))
	low("TxnOffsetCommit", 4)("added", ready("g"), topic("t", 2), committing(4), txnCommit(4, owner(1, 0)), did(endTxn(4, owner(1, 0), true)), completed())
}
