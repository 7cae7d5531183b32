#!/usr/bin/env bash
# Runs the fault bars of RELIABILITY.md in full: all of them (about three hours), or those named, as in ./soak.sh R1 R12.
# Ends with a line for each bar. The binary is ../bin/clatter; mounting disks needs root.
set -uo pipefail
cd "$(dirname "$0")"

# bar, settings of the full form (joined by commas), folder of the module, package, tests; a bar may have several rows
bars='
R1  FAULT_KILLS=200            .  ./faults         TestKillUnderLoadLosesNothing
R2  FAULT_POWER_CUTS=200       .  ./faults         TestPowerCutUnderLoadLosesNothing|TestPowerCutWithoutSyncLosesRecords
R3  FAULT_CUTS=500             .  ./faults         TestCutSegmentsKeepWhatIsWhole|TestUnorderedPagesAreCutAway|TestDamagedJournalLosesNothing
R4  FAULT_CRASH_CLONES=10000   .. ./logstore/local TestCrashAtEverySync|TestCrashAtEveryStepOfACleaning
R5  FAULT_STRICT=1             .. ./logstore/local TestCrashAtNamedPoints
R6  FAULT_SYSCALLS=50          .  ./faults         TestFailedSystemCallEndsAcknowledgements
R7  FAULT_FULL_DISKS=20,FAULT_STRICT=1 .  ./faults         TestFullDiskRefusesAndHeals
R8  FAULT_FLIPS=1000           .  ./faults         TestFlippedBitsReachNoConsumer|TestDamagedJournalLosesNothing
FLIPS FAULT_FLIPS=1000         .. ./logstore/local TestFlippedBaseAndLength|TestRandomBitFlips
R9  FAULT_RECOVERY_MIB=10240,FAULT_STRICT=1 . ./faults         TestRecoveryAfterKillIsQuick
R10 FAULT_STRICT=1             .  ./faults         TestStopAndRestartWithManyPartitions
R11 FAULT_DELETIONS=200        .  ./faults         TestDeletionsSurvivePowerCuts
R12 FAULT_RECOVERY_KILLS=100   .  ./faults         TestKillsDuringRecoveryLoseNothing
R13 FAULT_PROXY_TIME=10m       .  ./faults         TestLost.*
R14 TXN_RECORDS=100000         .  ./franz          TestTransactionsUnderKills
R14 TXN_RECORDS=100000         .  ./java           TestTransactionsUnderKills
R15 FAULT_KILLS=50             .  ./faults/exactlyonce TestMoney.*
R16 FAULT_LATE_TIME=240,FAULT_LATE_BY=60 .  ./faults/exactlyonce TestLate.*
R17 TXN_CRASHES=1000           .. ./coordinator/txn TestTransactionsSurviveCrashes
R17 FAULT_KILLS=100,FAULT_EXHAUSTED=20,FAULT_STRICT=1 .  ./faults/exactlyonce TestKills.*|TestExhausted.*|TestSource.*
A22 FAULT_SOURCE_SECONDS=600   .  ./faults/exactlyonce TestPositions.*
A4  FAULT_PRODUCER_EXPIRY_MS=5000 .  ./faults/exactlyonce TestIdleProducersResume
R18 FAULT_KILLS=200            .  ./faults         TestKillsLoseNoAcknowledgedCommit
R19 FAULT_MEMBERS=500          .  ./faults         TestCrowdSurvivesAKill
R20 FAULT_COMPACTION_KILLS=200 .  ./faults         TestKillsDuringCompaction
R21 FAULT_HEALTHY_SECONDS=3600 .  ./faults         TestHealthyBrokerStaysHealthy
CLEANING FAULT_CLEANINGS=20    .  ./faults         TestCleanerLetsTheDataPathBe
R33 FAULT_MEMBERS=2000         .  ./faults         TestCrowdSurvivesAKill
R35 FAULT_SLOW_SYNC=60         .  ./faults         TestSlowSyncDelaysAcknowledgements|TestHungSyncTurnsHealthRed
'
results=() failed=0
output=$(mktemp)
trap 'rm -f "$output"' EXIT
while read -r bar setting folder package tests; do
  [ -n "$bar" ] || continue
  [ $# = 0 ] || [[ " $* " = *" $bar "* ]] || continue
  echo "== $bar: cd $folder; ${setting//,/ } go test -run '$tests' $package"
  began=$SECONDS
  (cd "$folder" && env ${setting//,/ } CI=true go test -count=1 -timeout 4h -v -run "^($tests)\$" "$package") 2>&1 </dev/null | tee "$output"
  if [ "${PIPESTATUS[0]}" = 0 ] && grep -q '^--- PASS' "$output"; then
    results+=("$bar passed in $((SECONDS - began)) s")
  else
    results+=("$bar FAILED after $((SECONDS - began)) s") failed=1
  fi
done <<<"$bars"
printf '%s\n' "${results[@]}"
exit $failed
