package groups

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/clatterhq/clatter/compat-tests/program"
)

// memberKind is what the test binary is when it is a member.
const memberKind = "member"

// Main is the TestMain of the packages of Go clients: started by [Self], the test binary runs one member; else it
// runs its tests.
func Main(m *testing.M, run func(ctx context.Context, membership Membership, report *Reporter) error) {
	program.Main(memberKind, func(ctx context.Context, args []string) error {
		membership := Membership{Addr: args[0], Group: args[1], Topic: args[2], ID: args[3], Options: program.Settings(args[4:])}
		return run(ctx, membership, &Reporter{out: os.Stdout})
	})
	os.Exit(m.Run())
}

// Self is the Command of a Client whose members are the test binary itself.
func Self(t *testing.T, m Membership) *exec.Cmd {
	t.Helper()
	return program.Self(t, memberKind, m.Args())
}

// Reporter writes what a member has to say. It is safe for concurrent use.
type Reporter struct {
	mu       sync.Mutex
	out      io.Writer
	assigned []string
}

// Record says that a record was handed over.
func (r *Reporter) Record(topic string, partition int32, offset int64, value []byte) {
	r.line("record %s/%d %d %s", topic, partition, offset, value)
}

// Committed says that the broker acknowledged a commit; offset is the next one to read.
func (r *Reporter) Committed(topic string, partition int32, offset int64) {
	r.line("committed %s/%d %d", topic, partition, offset)
}

// Fenced says that another member took this one's place.
func (r *Reporter) Fenced() { r.line("fenced") }

// Gained says that partitions came to the assignment.
func (r *Reporter) Gained(partitions map[string][]int32) { r.change(partitions, true) }

// Lost says that partitions left the assignment.
func (r *Reporter) Lost(partitions map[string][]int32) { r.change(partitions, false) }

func (r *Reporter) change(partitions map[string][]int32, gained bool) {
	r.mu.Lock()
	for topic, ids := range partitions {
		for _, id := range ids {
			name := Partition{Topic: topic, ID: id}.String()
			r.assigned = slices.DeleteFunc(r.assigned, func(s string) bool { return s == name })
			if gained {
				r.assigned = append(r.assigned, name)
			}
		}
	}
	text := strings.Join(append([]string{"assigned"}, r.assigned...), " ")
	r.mu.Unlock()
	r.line("%s", text)
}

func (r *Reporter) line(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, _ = fmt.Fprintf(r.out, format+"\n", args...) // Without the test at the other end there is nobody to tell.
}
