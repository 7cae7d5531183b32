package group

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clatterhq/clatter/coordinator"
	"github.com/clatterhq/clatter/coordinator/coordinatortest"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire"
)

func commitRecord(group string, partition int32, offset int64) *OffsetRecord {
	return &OffsetRecord{Group: group, Topic: "topic", Partition: partition, Commit: &Commit{Offset: offset, LeaderEpoch: -1, ExpireTimestamp: -1}}
}

func TestGroupsAndOffsetsComeBack(t *testing.T) {
	log := openLog(t, vfs.NewMemory(), 3)
	defer log.Close(t)
	c := New(testOptions(log))
	awaitLoaded(t, c)
	for i := range 10 {
		group := fmt.Sprint("group-", i)
		wantEqual(t, "commit", write(t, c, group, commitRecord(group, 1, int64(i)), commitRecord(group, 2, 7)), wire.None)
		wantEqual(t, "delete", write(t, c, group, &OffsetRecord{Group: group, Topic: "topic", Partition: 2}), wire.None)
	}
	write(t, c, "group-3", &OffsetRecord{Group: "group-3", Topic: "topic", Partition: 1})
	write(t, c, "group-4", (&classicGroup{id: "group-4"}).tombstones()...)
	check := func(c *Coordinator, restarted bool) {
		t.Helper()
		for i := range 10 {
			group := fmt.Sprint("group-", i)
			look(t, c, group, func(s *Shard) {
				commit, ok := s.offsets[group].get("topic", [16]byte{}, 1)
				if want := i != 3; ok != want || ok && commit.Offset != int64(i) {
					t.Errorf("offset of %s is %d, %v", group, commit.Offset, ok)
				}
				g, ok := s.groups[group].(*classicGroup)
				// Nothing in the log says that group 3 ever was, but its offsets.
				if want := i != 4 && (i != 3 || !restarted); ok != want && !restarted {
					t.Errorf("%s is there: %v", group, ok)
				}
				if ok && !g.simple() {
					t.Errorf("%s is %s", group, g.state)
				}
				if s.live != true || s.index != coordinator.ShardOf(group, 3) {
					t.Errorf("shard %d of %s", s.index, group)
				}
			})
		}
	}
	check(c, false)
	stop(t, c)
	c = start(t, testOptions(log))
	c.Load()
	check(c, true)
	wantEqual(t, "skipped", c.Skipped(), int64(0))
}

func TestAnswersWaitForRecordsAndTellTheirFate(t *testing.T) {
	log := openLog(t, vfs.NewMemory(), 1)
	defer log.Close(t)
	var disk coordinatortest.Disk
	disk.Full.Store(true)
	log.Wrap = disk.Wrap
	c := start(t, testOptions(log))
	wantEqual(t, "full", write(t, c, "group", commitRecord("group", 1, 5)), wire.CoordinatorNotAvailable)
	look(t, c, "group", func(s *Shard) {
		wantEqual(t, "groups", len(s.groups), 0)
		wantEqual(t, "configuration", s.config(), testConfig())
	})
	disk.Full.Store(false)
	wantEqual(t, "room again", write(t, c, "group", commitRecord("group", 1, 5)), wire.None)
}

func TestWhatNoShardCanDecideIsRefused(t *testing.T) {
	log := openLog(t, vfs.NewMemory(), 0)
	defer log.Close(t)
	c := New(testOptions(log))
	c.Load()
	wantEqual(t, "no topic", write(t, c, "group"), wire.NotCoordinator)
	log.Count = 2
	wantEqual(t, "no log", write(t, c, "group"), wire.NotCoordinator)
	stop(t, c)
	wantEqual(t, "closed", write(t, c, "group"), wire.NotCoordinator)
}

func TestWhoIsGoneIsNotDecidedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := openLog(t, vfs.NewMemory(), 1)
		defer log.Close(t)
		c := New(testOptions(log))
		defer stop(t, c)
		asked := false
		q := question[wire.ErrorCode]{
			decide: func(*Shard, func(wire.ErrorCode)) []Record {
				asked = true
				return nil // It is answered later, or never.
			},
			refused: func(code wire.ErrorCode) wire.ErrorCode { return code },
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		wantEqual(t, "time is up", ask(ctx, c, "group", q), wire.NotCoordinator)
		wantEqual(t, "asked", asked, true)
		asked = false
		k := newCall(q)
		wantEqual(t, "gone", k.wait(ctx), wire.NotCoordinator)
		c.runtime.Submit("group", k.command)
		wantEqual(t, "of no group", askShard(ctx, c, 0, q), wire.NotCoordinator)
		wantEqual(t, "no such shard", askShard(t.Context(), c, 1, q), wire.NotCoordinator)
		synctest.Wait()
		wantEqual(t, "asked", asked, false)
	})
}

func TestTimersOfGroupsDecideAndAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := openLog(t, vfs.NewMemory(), 1)
		defer log.Close(t)
		c := New(testOptions(log))
		defer stop(t, c)
		began := time.Now()
		var told []time.Duration
		q := question[int]{
			decide: func(s *Shard, reply func(int)) []Record {
				s.newTimer("group", func(s *Shard) []Record {
					s.later(func(error) { told = append(told, time.Since(began)) })
					s.later(func(error) { told = append(told, time.Since(began)) })
					reply(1)
					return nil
				}).Set(time.Minute)
				return nil
			},
			refused: func(wire.ErrorCode) int { return -1 },
		}
		wantEqual(t, "answer", ask(t.Context(), c, "group", q), 1)
		wantEqual(t, "told", fmt.Sprint(told), "[1m0s 1m0s]")
	})
}

func TestClassicGroupAsOneOfMany(t *testing.T) {
	in := func(state classicState, kind string) *classicGroup {
		return &classicGroup{id: "group", state: state, protocolType: kind}
	}
	for _, c := range []struct {
		group                             *classicGroup
		fetch, offsetDelete, groupsDelete wire.ErrorCode
	}{
		{in(classicEmpty, ""), wire.None, wire.None, wire.None},
		{in(classicStable, "consumer"), wire.None, wire.None, wire.NonEmptyGroup},
		{in(classicStable, "connect"), wire.None, wire.NonEmptyGroup, wire.NonEmptyGroup},
		{in(classicPreparing, "connect"), wire.None, wire.NonEmptyGroup, wire.NonEmptyGroup},
		{in(classicDead, "consumer"), wire.GroupIDNotFound, wire.GroupIDNotFound, wire.GroupIDNotFound},
	} {
		g := anyGroup(c.group)
		what := g.kind() + " " + g.listedType() + " " + g.stateName()
		wantEqual(t, what+" fetch", g.checkFetch(nil, -1), c.fetch)
		wantEqual(t, what+" offset delete", g.checkOffsetDelete(), c.offsetDelete)
		wantEqual(t, what+" delete", g.checkDelete(), c.groupsDelete)
		wantEqual(t, what+" empty", g.isEmpty(), c.group.state == classicEmpty)
	}
	g := anyGroup(in(classicStable, "consumer"))
	wantEqual(t, "commit", g.checkCommit(&committer{memberID: "x", generation: 3, version: 9}), wire.UnknownMemberID)
}
