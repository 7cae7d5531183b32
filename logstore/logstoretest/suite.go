package logstoretest

import (
	"math/rand/v2"
	"testing"

	"github.com/clatterhq/clatter/logstore"
)

// Backend is one piece of storage on which stores are opened, one at a time.
type Backend interface {
	// Open opens a store on the storage. The caller closes it.
	Open(t *testing.T) logstore.Store
	// Crash returns the storage as it is after a power cut at this moment, while a store may be open on
	// it; nil if that can't be simulated.
	Crash(random *rand.Rand) Backend
}

// Run runs the whole suite; fresh makes empty storage.
func Run(t *testing.T, fresh func(t *testing.T) Backend) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(t *testing.T, b Backend)
	}{
		{"AppendAssignsOffsets", testAppendAssignsOffsets},
		{"AppendTakesSeveralBatchesAtOnce", testAppendTakesSeveralBatchesAtOnce},
		{"AppendStampsLogAppendTime", testAppendStampsLogAppendTime},
		{"DeferredCommitsAreShared", testDeferredCommitsAreShared},
		{"ReadReturnsWholeBatches", testReadReturnsWholeBatches},
		{"ReadOutOfRange", testReadOutOfRange},
		{"RecordsOutliveTheirLog", testRecordsOutliveTheirLog},
		{"WatermarkFollowsAtOnceWithFlushMessages", testWatermarkFollowsAtOnce},
		{"DuplicateIsAnsweredWithItsFirstPlace", testDuplicate},
		{"SequencesAreChecked", testSequences},
		{"ProducersSurviveRestart", testProducersSurviveRestart},
		{"TransactionsAreRefused", testTransactionsAreRefused},
		{"TransactionsNeedVerification", testTransactionsNeedVerification},
		{"MarkersAreOfCoordinators", testMarkersAreOfCoordinators},
		{"MarkersMoveTheLastStableOffset", testMarkersMoveTheLastStableOffset},
		{"WaitersAreWoken", testWaitersAreWoken},
		{"OffsetForTime", testOffsetForTime},
		{"MaxTimestamp", testMaxTimestamp},
		{"EpochEnd", testEpochEnd},
		{"LeaderEpochNeverFalls", testLeaderEpochNeverFalls},
		{"DeleteBefore", testDeleteBefore},
		{"RetentionBySize", testRetentionBySize},
		{"RetentionByTime", testRetentionByTime},
		{"NoRetentionWithoutPolicy", testNoRetentionWithoutPolicy},
		{"CompactionKeepsTheLastValue", testCompactionKeepsTheLastValue},
		{"CompactionDropsTombstonesLater", testCompactionDropsTombstonesLater},
		{"CompactionKeepsProducers", testCompactionKeepsProducers},
		{"OnlyCompactedTopicsAreCompacted", testOnlyCompactedTopicsAreCompacted},
		{"MinCompactionLag", testMinCompactionLag},
		{"MaxCompactionLagRolls", testMaxCompactionLagRolls},
		{"PartitionsAreUnknownUntilCreated", testUnknownPartitions},
		{"PartitionsCanBeAdded", testPartitionsCanBeAdded},
		{"DeletedTopicIsGone", testDeletedTopicIsGone},
		{"TopicComesBackEmpty", testTopicComesBackEmpty},
		{"ClosedStoreRefuses", testClosedStoreRefuses},
		{"RestartKeepsEverything", testRestartKeepsEverything},
		{"LogDirsDescribeLogs", testLogDirs},
		{"Model", testModel},
		{"ModelWithPageCache", testModelPageCache},
		{"ModelWithCrashes", testModelWithCrashes},
		{"CompactionModel", testCompactionModel},
		{"TransactionModel", testTransactionModel},
		{"TransactionModelWithPageCache", testTransactionModelPageCache},
		{"TransactionModelWithCompaction", testTransactionModelWithCompaction},
		{"TransactionModelWithCrashes", testTransactionModelWithCrashes},
		{"TransactionsCrashAfterEveryAppend", testTransactionsCrashAfterEveryAppend},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, fresh(t)) })
	}
}
