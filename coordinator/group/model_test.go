package group

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/coordinator/coordinatortest"
	"github.com/clatterhq/clatter/logstore/vfs"
)

// TestClassicModel lets members of one group come, go, die and commit while the coordinator restarts and its disk is full at times.
// Whatever happens, no partition is told to two members in one generation, each member is told what its leader assigned, no
// commit that was acknowledged is lost or undone; and when things calm down, every partition has somebody.
func TestClassicModel(t *testing.T) {
	runs := 8
	if testing.Short() {
		runs = 2
	}
	for range runs {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { runClassicModel(t, seed) })
		})
	}
}

const modelPartitions = 12

// modelGroup is a group as its members see it.
type modelGroup struct {
	t      *testing.T
	log    *testLog
	bad    coordinatortest.Disk
	ctx    context.Context
	random *rand.Rand
	ids    *rand.ChaCha8

	mu       sync.Mutex
	c        *Coordinator
	starts   int
	assigned map[int32]map[string]string // by the leader of a generation to IDs
	told     map[int32]map[string]string // in a generation to IDs
	owners   map[int32]map[int]string    // of partitions in a generation, by who they are
	acked    [modelPartitions]int64
	tried    [modelPartitions]int64
	held     map[string]string // by members that live, in their last generation
	heldIn   map[string]int32
}

func runClassicModel(t *testing.T, seed uint64) {
	t.Helper()
	g := &modelGroup{
		t: t, log: openLog(t, vfs.NewMemory(), 2), random: rand.New(rand.NewPCG(seed, 1)), ids: rand.NewChaCha8([32]byte{}),
		assigned: map[int32]map[string]string{}, told: map[int32]map[string]string{}, owners: map[int32]map[int]string{},
		held: map[string]string{}, heldIn: map[string]int32{},
	}
	defer g.log.Close(t)
	g.log.Wrap = g.bad.Wrap
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	g.ctx = ctx
	g.start()

	var members sync.WaitGroup
	stops := map[string]func(gracefully bool){}
	next := 0
	add := func() {
		next++
		m := &modelMember{group: g, name: "m" + strconv.Itoa(next), random: rand.New(rand.NewPCG(seed, uint64(next)))}
		if g.random.IntN(3) == 0 {
			m.instance = new("static" + strconv.Itoa(next))
		}
		ctx, cancel := context.WithCancel(g.ctx)
		stops[m.name] = func(gracefully bool) {
			m.leaves.Store(gracefully)
			cancel()
			delete(stops, m.name)
			g.forget(m.name)
		}
		members.Go(func() { m.run(ctx) })
	}
	for range 150 {
		switch n := g.random.IntN(20); {
		case len(stops) == 0 || n < 4 && len(stops) < 8:
			add()
		case n < 6:
			for _, stop := range stops {
				stop(n == 4)
				break
			}
		case n == 6:
			g.restart()
		case n == 7:
			g.bad.Full.Store(!g.bad.Full.Load())
		}
		time.Sleep(time.Duration(g.random.IntN(8000)) * time.Millisecond)
	}
	g.bad.Full.Store(false)
	if len(stops) == 0 {
		add()
	}
	time.Sleep(5 * time.Minute)
	g.checkWhole(len(stops))
	g.checkCommits()
	cancel()
	members.Wait()
	stop(t, g.coordinator())
}

func (g *modelGroup) start() {
	o := testOptions(g.log)
	o.Random = g.ids
	o.Topics = testTopics{{Name: "topic", ID: [16]byte{7}, Partitions: modelPartitions}}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.c = New(o)
	g.starts++
}

func (g *modelGroup) coordinator() *Coordinator {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.c
}

func (g *modelGroup) started() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.starts
}

func (g *modelGroup) restart() {
	stop(g.t, g.coordinator())
	g.start()
	g.checkCommits()
}

func (g *modelGroup) forget(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.held, name)
	delete(g.heldIn, name)
}

// leads notes what a leader assigns, before it is sent.
func (g *modelGroup) leads(generation int32, assigned map[string]string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.told[generation]) > 0 {
		return // It is too late to change anything.
	}
	g.assigned[generation] = assigned
}

// tells notes what a member was told.
func (g *modelGroup) tells(m *modelMember, generation int32, assignment string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.told[generation] == nil {
		g.told[generation], g.owners[generation] = map[string]string{}, map[int]string{}
	}
	if before, again := g.told[generation][m.id]; again && before != assignment {
		g.t.Errorf("generation %d: %s was told %q and %q", generation, m.name, before, assignment)
	}
	g.told[generation][m.id] = assignment
	who := m.name
	if m.instance != nil {
		who = *m.instance
	}
	for _, p := range partitionsOf(assignment) {
		if owner := g.owners[generation][p]; owner != "" && owner != who {
			g.t.Errorf("generation %d: partition %d belongs to %s and %s", generation, p, owner, who)
		}
		g.owners[generation][p] = who
	}
	if m.instance == nil && assignment != g.assigned[generation][m.id] {
		g.t.Errorf("generation %d: %s was told %q, its leader assigned %q", generation, m.name, assignment, g.assigned[generation][m.id])
	}
	g.held[m.name], g.heldIn[m.name] = assignment, generation
}

func partitionsOf(assignment string) []int {
	var partitions []int
	for s := range strings.FieldsSeq(assignment) {
		p, _ := strconv.Atoi(s)
		partitions = append(partitions, p)
	}
	return partitions
}

// checkWhole wants all members in one generation, which forgets no partition.
func (g *modelGroup) checkWhole(members int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	owned := map[int]bool{}
	generation := int32(-1)
	for name, assignment := range g.held {
		for _, p := range partitionsOf(assignment) {
			owned[p] = true
		}
		if generation == -1 {
			generation = g.heldIn[name]
		}
		if g.heldIn[name] != generation {
			g.t.Errorf("members in the generations %d and %d", generation, g.heldIn[name])
		}
	}
	if len(owned) != modelPartitions || len(g.held) != members {
		g.t.Errorf("%d of %d members hold %d of %d partitions", len(g.held), members, len(owned), modelPartitions)
	}
}

// commits notes that a commit begins; the function it returns that it ended well.
func (g *modelGroup) commits(partition int) (offset int64, acknowledged func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tried[partition]++
	offset = g.tried[partition]
	return offset, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.acked[partition] = max(g.acked[partition], offset)
	}
}

func (g *modelGroup) checkCommits() {
	g.mu.Lock()
	acked := g.acked
	g.mu.Unlock()
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Version = 7
	req.Group = "group"
	resp := g.coordinator().OffsetFetch(g.t.Context(), req)
	g.mu.Lock()
	defer g.mu.Unlock()
	fetched := [modelPartitions]int64{}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			fetched[p.Partition] = p.Offset
		}
	}
	for p := range acked {
		if fetched[p] < acked[p] || fetched[p] > g.tried[p] {
			g.t.Errorf("partition %d: offset %d, acknowledged %d of %d (code %d)", p, fetched[p], acked[p], g.tried[p], resp.ErrorCode)
		}
	}
}
