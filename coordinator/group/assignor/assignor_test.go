package assignor_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/clatterhq/clatter/coordinator/group/assignor"
)

// topic is the ID of a topic with a name of one letter.
func topic(name string) assignor.TopicID { return assignor.TopicID{name[0]} }

// parseSpec reads a spec: a line of topics with their numbers of partitions, then a line for each member with its topics and
// what it has.
//
//	a=3 b=2
//	m1 a,b: a0 a1 b0
//	m2/instance a:
func parseSpec(t *testing.T, input string) *assignor.Spec {
	t.Helper()
	lines := strings.Split(input, "\n")
	s := &assignor.Spec{PartitionCounts: map[assignor.TopicID]int32{}}
	for f := range strings.FieldsSeq(lines[0]) {
		name, count, _ := strings.Cut(f, "=")
		n, err := strconv.Atoi(count)
		if err != nil {
			t.Fatal(err)
		}
		s.PartitionCounts[topic(name)] = int32(n)
	}
	s.Homogeneous = true
	first := ""
	for i, line := range lines[1:] {
		who, has, _ := strings.Cut(line, ":")
		id, topics, _ := strings.Cut(who, " ")
		m := assignor.Member{Target: parsePartitions(t, has)}
		if name, instance, ok := strings.Cut(id, "/"); ok {
			id, m.InstanceID = name, &instance
		}
		m.ID = id
		for name := range strings.SplitSeq(topics, ",") {
			if name != "" {
				m.Topics = append(m.Topics, topic(name))
			}
		}
		if i == 0 {
			first = topics
		}
		s.Homogeneous = s.Homogeneous && topics == first
		s.Members = append(s.Members, m)
	}
	return s
}

func parsePartitions(t *testing.T, s string) assignor.Partitions {
	t.Helper()
	p := assignor.Partitions{}
	for f := range strings.FieldsSeq(s) {
		n, err := strconv.Atoi(f[1:])
		if err != nil {
			t.Fatal(err)
		}
		p[topic(f)] = append(p[topic(f)], int32(n))
	}
	return p
}

func write(p assignor.Partitions) string {
	var b strings.Builder
	for _, id := range p.Topics() {
		for _, n := range p[id] {
			fmt.Fprintf(&b, " %c%d", id[0], n)
		}
	}
	return b.String()
}

func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		t.Helper()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			t.Helper()
			a := assignor.ByName(d.Cmd)
			if a == nil {
				d.Fatalf(t, "no assignor %q", d.Cmd)
			}
			s := parseSpec(t, d.Input)
			if d.HasArg("mixed") {
				s.Homogeneous = false
			}
			got, err := a.Assign(s)
			if err != nil {
				return err.Error()
			}
			check(t, s, got)
			var b strings.Builder
			for _, id := range slices.Sorted(maps.Keys(got)) {
				fmt.Fprintf(&b, "%s:%s\n", id, write(got[id]))
			}
			return b.String()
		})
	})
}

// check makes sure that each partition of a subscribed topic has one owner, who is subscribed to it.
func check(t *testing.T, s *assignor.Spec, got map[string]assignor.Partitions) {
	t.Helper()
	owners := map[assignor.TopicID]map[int32]string{}
	want := map[assignor.TopicID]bool{}
	for i := range s.Members {
		m := &s.Members[i]
		for _, id := range m.Topics {
			want[id] = true
		}
		for id, numbers := range got[m.ID] {
			if !slices.Contains(m.Topics, id) {
				t.Fatalf("%s gets %c without a subscription", m.ID, id[0])
			}
			if len(numbers) == 0 || !slices.IsSorted(numbers) {
				t.Fatalf("%s gets %c %v", m.ID, id[0], numbers)
			}
			if owners[id] == nil {
				owners[id] = map[int32]string{}
			}
			for _, n := range numbers {
				if other, ok := owners[id][n]; ok || n >= s.PartitionCounts[id] {
					t.Fatalf("%c%d: %s and %s of %d", id[0], n, other, m.ID, s.PartitionCounts[id])
				}
				owners[id][n] = m.ID
			}
		}
	}
	for id := range want {
		if len(owners[id]) != int(s.PartitionCounts[id]) {
			t.Fatalf("%c: %d of %d partitions have an owner", id[0], len(owners[id]), s.PartitionCounts[id])
		}
	}
}

func TestAssignorsAreFoundByName(t *testing.T) {
	for _, name := range []string{"uniform", "range"} {
		if a := assignor.ByName(name); a == nil || a.Name() != name {
			t.Errorf("%s: %v", name, a)
		}
	}
	if a := assignor.ByName("sticky"); a != nil {
		t.Errorf("sticky: %v", a)
	}
}

func TestUnknownTopicIsAnError(t *testing.T) {
	for _, a := range []assignor.Assignor{assignor.Uniform{}, assignor.Range{}} {
		for _, homogeneous := range []bool{true, false} {
			s := &assignor.Spec{Homogeneous: homogeneous, Members: []assignor.Member{{ID: "m", Topics: []assignor.TopicID{topic("a")}}}}
			if _, err := a.Assign(s); !errors.Is(err, assignor.ErrUnknownTopic) {
				t.Errorf("%s: %v", a.Name(), err)
			}
		}
	}
}

// TestRandomGroupsStayWholeAndBalanced changes a group again and again: members come, go and subscribe anew, topics grow.
func TestRandomGroupsStayWholeAndBalanced(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 100 {
		s := &assignor.Spec{PartitionCounts: map[assignor.TopicID]int32{}}
		homogeneous := random.IntN(2) == 0
		for i := range 1 + random.IntN(4) {
			s.PartitionCounts[topic(string(rune('a'+i)))] = int32(random.IntN(9))
		}
		for range 12 {
			change(random, s, homogeneous)
			for _, a := range []assignor.Assignor{assignor.Uniform{}, assignor.Range{}} {
				got, err := a.Assign(s)
				if err != nil {
					t.Fatal(err)
				}
				check(t, s, got)
				if a.Name() != "uniform" {
					continue
				}
				if homogeneous {
					checkBalanced(t, s, got)
					checkSticky(t, s, got)
				}
				for i := range s.Members {
					s.Members[i].Target = got[s.Members[i].ID]
				}
				again, err := a.Assign(s)
				if err != nil {
					t.Fatal(err)
				}
				if homogeneous && !maps.EqualFunc(got, again, assignor.Partitions.Equal) {
					t.Fatalf("nothing changed, but %v is now %v", got, again)
				}
			}
		}
	}
}

func change(random *rand.Rand, s *assignor.Spec, homogeneous bool) {
	topics := slices.SortedFunc(maps.Keys(s.PartitionCounts), func(a, b assignor.TopicID) int { return slices.Compare(a[:], b[:]) })
	switch random.IntN(4) {
	case 0:
		if len(s.Members) > 1 {
			at := random.IntN(len(s.Members))
			s.Members = slices.Delete(s.Members, at, at+1)
		}
	case 1:
		s.PartitionCounts[topics[random.IntN(len(topics))]] += int32(random.IntN(4))
	default:
		s.Members = append(s.Members, assignor.Member{ID: fmt.Sprintf("m%06d", random.IntN(1e6)), Topics: topics})
	}
	if len(s.Members) == 0 {
		s.Members = append(s.Members, assignor.Member{ID: "m", Topics: topics})
	}
	slices.SortFunc(s.Members, func(a, b assignor.Member) int { return strings.Compare(a.ID, b.ID) })
	s.Members = slices.CompactFunc(s.Members, func(a, b assignor.Member) bool { return a.ID == b.ID })
	s.Homogeneous = homogeneous
	if homogeneous {
		return
	}
	m := &s.Members[random.IntN(len(s.Members))]
	m.Topics = nil
	for _, id := range topics {
		if random.IntN(2) == 0 {
			m.Topics = append(m.Topics, id)
		}
	}
}

func checkBalanced(t *testing.T, s *assignor.Spec, got map[string]assignor.Partitions) {
	t.Helper()
	least, most := int(1e9), 0
	for i := range s.Members {
		n := got[s.Members[i].ID].Size()
		least, most = min(least, n), max(most, n)
	}
	if most-least > 1 {
		t.Fatalf("loads from %d to %d: %v", least, most, got)
	}
}

// checkSticky makes sure that nobody loses anything while it has no more than its share.
func checkSticky(t *testing.T, s *assignor.Spec, got map[string]assignor.Partitions) {
	t.Helper()
	for i := range s.Members {
		m := &s.Members[i]
		now, lost := got[m.ID], 0
		for id, numbers := range m.Target {
			for _, n := range numbers {
				if !slices.Contains(now[id], n) {
					lost++
				}
			}
		}
		if lost > 0 && now.Size() != m.Target.Size()-lost {
			t.Fatalf("%s had%s and has%s", m.ID, write(m.Target), write(now))
		}
	}
}

func BenchmarkUniform(b *testing.B) {
	for _, homogeneous := range []bool{true, false} {
		b.Run(fmt.Sprintf("homogeneous=%v", homogeneous), func(b *testing.B) {
			s := &assignor.Spec{Homogeneous: homogeneous, PartitionCounts: map[assignor.TopicID]int32{topic("a"): 10_000}}
			for i := range 2_000 {
				s.Members = append(s.Members, assignor.Member{ID: fmt.Sprintf("m%06d", i), Topics: []assignor.TopicID{topic("a")}})
			}
			for b.Loop() {
				if _, err := (assignor.Uniform{}).Assign(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
