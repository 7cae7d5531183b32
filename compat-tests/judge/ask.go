package judge

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/clatterhq/clatter/compat-tests/judge/cases"
	"github.com/clatterhq/clatter/compat-tests/judge/script"
	"github.com/clatterhq/clatter/compat-tests/launch"
)

// workers is how many cases talk to one broker at once, where the group allows it.
const workers = 4

// Asked is what came of putting questions to a broker.
type Asked struct {
	Answers Answers
	Errors  map[string]error // Cases that could not be brought to their question, by name.
}

// alike sets what the launcher sets for a Kafka of one node, so that DescribeConfigs names the same sources.
var alike = map[string]string{
	"node.id":                                          "1",
	"offsets.topic.replication.factor":                 "1",
	"transaction.state.log.replication.factor":         "1",
	"transaction.state.log.min.isr":                    "1",
	"share.coordinator.state.topic.replication.factor": "1",
	"share.coordinator.state.topic.min.isr":            "1",
}

// AskAll puts the cases to a broker of the given kind, one broker per group of cases.
func AskAll(ctx context.Context, kind launch.Kind, all []script.Case) (Asked, error) {
	asked := Asked{Answers: Answers{}, Errors: map[string]error{}}
	for _, group := range groupsOf(all) {
		err := askGroup(ctx, kind, group, ofGroup(all, group), &asked)
		if err != nil {
			return asked, fmt.Errorf("broker for group %q: %w", group, err)
		}
	}
	return asked, nil
}

func askGroup(ctx context.Context, kind launch.Kind, group string, members []script.Case, asked *Asked) error {
	overrides := map[string]string{}
	if kind != launch.Kafka {
		maps.Copy(overrides, alike)
	}
	maps.Copy(overrides, cases.Groups[group].Overrides)
	b, err := launch.Start(ctx, launch.Options{Kind: kind, Overrides: overrides})
	if err != nil {
		return err
	}
	env := script.Env{Addr: b.Addr(), Dir: b.DataDir(), T0: BaseTime()}
	Ask(ctx, env, members, cases.Groups[group].Serial, asked)
	return errors.Join(b.Close())
}

// BaseTime is the time from which cases count the timestamps they write: an hour ago, so that "just now" is never taken
// for one of them.
func BaseTime() time.Time { return time.Now().Add(-time.Hour).Truncate(time.Second) }

// Ask puts cases to one running broker and adds what it answered to asked.
func Ask(ctx context.Context, env script.Env, members []script.Case, serial bool, asked *Asked) {
	var (
		mu   sync.Mutex // Guards asked.
		wg   sync.WaitGroup
		next = make(chan int)
		n    = workers
	)
	if serial {
		n = 1
	}
	for range n {
		wg.Go(func() {
			for i := range next {
				notes, err := script.Execute(ctx, env, members[i], i)
				mu.Lock()
				asked.Answers[members[i].Name] = notes
				if err != nil {
					asked.Errors[members[i].Name] = err
				}
				mu.Unlock()
			}
		})
	}
	for i := range members {
		next <- i
	}
	close(next)
	wg.Wait()
}

func groupsOf(all []script.Case) []string {
	seen := map[string]bool{}
	for _, c := range all {
		seen[c.Group] = true
	}
	return sorted(seen)
}

func ofGroup(all []script.Case, group string) []script.Case {
	var members []script.Case
	for _, c := range all {
		if c.Group == group {
			members = append(members, c)
		}
	}
	return members
}
