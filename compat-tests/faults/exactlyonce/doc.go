// Package exactlyonce kills the broker, holds requests back and lets clients die while transactions are under way, and asks what readers of
// committed records see: each transaction whole or not at all, once, in order, and nothing that stays open. Its clients speak raw requests
// (faults/txnclient), since a real client hides what it was told; those are in txns, with the same faults.
//
// Anomalies that broke other brokers, by the names that RELIABILITY.md has for them:
//
//	A2  idem-5inflight   answers lost behind the append    faults.TestLostProduceAnswersMakeNoDuplicates
//	A3  err-taxonomy     codes that producers don't expect  every test here (noSurprises), handlers.TestFailingDiskIsToldInCodesThatProducersKnow
//	A4  pid-expiry       producers that were forgotten     TestIdleProducersResume
//	A5                   spurious OUT_OF_ORDER             every test here (noSurprises), faults.TestLost.*
//	A6  txn-epoch        markers of an epoch that passed   TestMarkerEndsOnlyItsEpoch
//	A7  tx-subscribe     offsets of an end under way       TestSourceRecordsAreProcessedOnce
//	A8  healthy-long     nothing is broken                 faults.TestHealthyBrokerStaysHealthy
//	A9  delayed-endtxn   requests that come late           TestLateRequestsTearNoTransaction
//	A21 epoch-exhaust    the last epoch and a crash        TestExhaustedEpochSurvivesAKill, txn.TestTransactionsSurviveCrashes
//	A22 no-stuck-txn     kills inside transactions         TestKillsInsideTransactionsLeaveNothingOpen, TestPositionsComeWithTheirLines, txn.TestTransactionsSurviveCrashes
//
// They run against Apache Kafka too (-broker=kafka), but for those that kill it while transactions end: a single node leaves out the markers of those
// that were prepared (needsMarkersAfterKills says how), so that Apache Kafka 4.4 tears or hangs transactions there. TestExhaustedEpochSurvivesAKill is
// asked there in version 1 only, where KAFKA-20357 must show, and TestLateRequestsTearNoTransaction in version 2 only.
package exactlyonce
