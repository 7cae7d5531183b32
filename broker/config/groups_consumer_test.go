package config

import (
	"reflect"
	"strings"
	"testing"
)

func TestConsumerGroupsHaveKafkasDefaults(t *testing.T) {
	want := ConsumerGroups{
		Enabled: true, MaxSize: 1<<31 - 1, Assignors: []string{"uniform", "range"}, Upgrade: true, Downgrade: true,
		Default: ConsumerGroup{SessionTimeoutMs: 45_000, HeartbeatIntervalMs: 5000, AssignmentIntervalMs: 1000},
	}
	if got := fromMap(t, nil).Current().ConsumerGroups; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestMigrationPolicies(t *testing.T) {
	for policy, want := range map[string][2]bool{
		"DISABLED": {}, "Upgrade": {true, false}, "downgrade": {false, true}, "bidirectional": {true, true},
	} {
		got := fromMap(t, map[string]string{"group.consumer.migration.policy": policy}).Current().ConsumerGroups
		if got.Upgrade != want[0] || got.Downgrade != want[1] {
			t.Errorf("%s: %+v", policy, got)
		}
	}
}

func TestKeysOfAGroupStayWithinTheBrokersLimits(t *testing.T) {
	s := fromMap(t, map[string]string{"group.consumer.max.session.timeout.ms": "50000", "group.consumer.session.timeout.ms": "46000"}).Current()
	for _, c := range []struct {
		overrides map[string]string
		want      ConsumerGroup
	}{
		{nil, ConsumerGroup{46_000, 5000, 1000}},
		{map[string]string{"consumer.session.timeout.ms": "47000", "share.session.timeout.ms": "1"}, ConsumerGroup{47_000, 5000, 1000}},
		{map[string]string{"consumer.session.timeout.ms": "60000", "consumer.heartbeat.interval.ms": "1"}, ConsumerGroup{50_000, 5000, 1000}},
		{map[string]string{"consumer.assignment.interval.ms": "0"}, ConsumerGroup{46_000, 5000, 0}},
	} {
		if got := s.ConsumerGroup(c.overrides); got != c.want {
			t.Errorf("%v: %+v, want %+v", c.overrides, got, c.want)
		}
	}
}

func TestUnknownAssignorEndsTheStart(t *testing.T) {
	_, err := FromMap(map[string]string{"node.id": "1", "group.consumer.assignors": "range,org.example.Mine"})
	if err == nil || !strings.Contains(err.Error(), "unknown assignors: org.example.Mine") {
		t.Error(err)
	}
}
