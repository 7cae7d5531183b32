package catalog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"testing"

	"github.com/clatterhq/clatter/broker/config"
)

// faultyStorage wraps a storage, counts commits and lets some of them wait or fail.
type faultyStorage struct {
	storage
	commits int
	writes  []int
	before  func(commit int) error // called before each commit, from 1
}

func (s *faultyStorage) commit(writes []write) error {
	s.commits++
	s.writes = append(s.writes, len(writes))
	if s.before != nil {
		if err := s.before(s.commits); err != nil {
			return err
		}
	}
	return s.storage.commit(writes)
}

func withFaults(tb testing.TB, options Options) (*Catalog, *faultyStorage) {
	tb.Helper()
	c := open(tb, options)
	s := &faultyStorage{storage: c.storage}
	c.storage = s
	return c, s
}

func TestChangesThatComeTogetherShareACommit(t *testing.T) {
	c, s := withFaults(t, Options{})
	entered, release := make(chan struct{}), make(chan struct{})
	s.before = func(commit int) error {
		if commit == 1 {
			close(entered)
			<-release
		}
		return nil
	}
	var waiting sync.WaitGroup
	create := func(name string) {
		waiting.Go(func() {
			if err := c.CreateTopics(context.Background(), []NewTopic{{name, 10, nil}}); err != nil {
				t.Error(err)
			}
		})
	}
	create("first")
	<-entered
	for i := range 500 {
		create(fmt.Sprint("t", i))
	}
	// All of them are in the queue once nobody is on the way there any more.
	for queued := 0; queued < 500; {
		c.mu.Lock()
		queued = len(c.queue)
		c.mu.Unlock()
	}
	close(release)
	waiting.Wait()
	if s.commits != 2 || s.writes[1] != 500 || c.Image().Len() != 501 {
		t.Errorf("%d commits, %v writes, %d topics", s.commits, s.writes, c.Image().Len())
	}
}

func TestManyWritersAtOnceLoseNothing(t *testing.T) {
	for name, options := range storages(t) {
		t.Run(name, func(t *testing.T) {
			c, s := withFaults(t, options)
			var writers sync.WaitGroup
			for w := range 16 {
				writers.Go(func() {
					for i := range 20 {
						name := fmt.Sprintf("t%d-%d", w, i)
						if err := c.CreateTopics(context.Background(), []NewTopic{{name, 1, nil}}); err != nil {
							t.Error(err)
						}
						if c.Image().TopicByName(name) == nil {
							t.Errorf("%s is not visible to the one who created it", name)
						}
					}
				})
			}
			writers.Wait()
			if c.Image().Len() != 320 {
				t.Errorf("%d topics", c.Image().Len())
			}
			t.Logf("%d commits for 320 changes", s.commits)
		})
	}
}

func TestChangesOfBrokersStandAlone(t *testing.T) {
	c, s := withFaults(t, Options{})
	entered, release := make(chan struct{}), make(chan struct{})
	s.before = func(commit int) error {
		if commit == 1 {
			close(entered)
			<-release
		}
		return nil
	}
	var waiting sync.WaitGroup
	waiting.Go(func() { must(t, c.CreateTopics(context.Background(), []NewTopic{{"a", 1, nil}})) })
	<-entered
	// Each change sees what the one before it has put in force.
	r := config.Resource{Type: config.BrokerResource}
	for i := range 3 {
		waiting.Go(func() {
			must(t, c.Alter(context.Background(), r, func(s *config.Snapshot, _ map[string]string) (map[string]string, error) {
				value := fmt.Sprint(s.MaxConnections + 1)
				return map[string]string{"max.connections": value}, nil
			}))
			_ = i
		})
		waiting.Go(func() { must(t, c.CreateTopics(context.Background(), []NewTopic{{fmt.Sprint("b", i), 1, nil}})) })
	}
	close(release)
	waiting.Wait()
	if got := c.config.Current().MaxConnections; got != 10003 {
		t.Error(got)
	}
}

func TestFullDiskRefusesAndHeals(t *testing.T) {
	for name, options := range storages(t) {
		t.Run(name, func(t *testing.T) {
			c, s := withFaults(t, options)
			must(t, c.CreateTopics(t.Context(), []NewTopic{{"a", 1, nil}}))
			full := true
			s.before = func(int) error {
				if full {
					return fmt.Errorf("%w: %w", ErrNoSpace, syscall.ENOSPC)
				}
				return nil
			}
			if err := c.CreateTopics(t.Context(), []NewTopic{{"b", 1, nil}}); !errors.Is(err, ErrNoSpace) {
				t.Error(err)
			}
			if _, _, err := c.AllocateProducerIDs(t.Context()); !errors.Is(err, ErrNoSpace) {
				t.Error(err)
			}
			if c.Image().Len() != 1 {
				t.Error("the refused topic is there")
			}
			full = false
			must(t, c.CreateTopics(t.Context(), []NewTopic{{"b", 1, nil}}))
			if first, _, err := c.AllocateProducerIDs(t.Context()); err != nil || first != 0 {
				t.Error(first, err)
			}
		})
	}
}

func TestFailedWriteIsFinal(t *testing.T) {
	for name, options := range storages(t) {
		t.Run(name, func(t *testing.T) {
			for failing := 1; failing <= 4; failing++ {
				if options.Path != "" {
					options.Path = file(t)
				}
				c, s := withFaults(t, options)
				s.before = func(commit int) error {
					if commit == failing {
						return syscall.EIO
					}
					return nil
				}
				for i := 1; i <= 5; i++ {
					err := c.CreateTopics(t.Context(), []NewTopic{{fmt.Sprint("t", i), 1, nil}})
					if i < failing && err != nil || i >= failing && !errors.Is(err, ErrFailed) {
						t.Errorf("commit %d fails, create %d: %v", failing, i, err)
					}
				}
				if c.Image().Len() != failing-1 || s.commits != failing {
					t.Errorf("%d topics, %d commits", c.Image().Len(), s.commits)
				}
			}
		})
	}
}

// Those who changed nothing are not told of a failure that isn't theirs.
func TestFailureBelongsToThoseWhoWrote(t *testing.T) {
	c, s := withFaults(t, Options{})
	must(t, c.CreateTopics(t.Context(), []NewTopic{{"a", 1, nil}}))
	entered, release := make(chan struct{}), make(chan struct{})
	s.before = func(commit int) error {
		switch commit {
		case 2:
			close(entered)
			<-release
		case 3:
			return ErrNoSpace
		}
		return nil
	}
	results := make(map[string]error)
	var mu sync.Mutex
	var waiting sync.WaitGroup
	create := func(name string) {
		waiting.Go(func() {
			err := c.CreateTopics(context.Background(), []NewTopic{{name, 1, nil}})
			mu.Lock()
			defer mu.Unlock()
			results[name] = err
		})
	}
	create("b")
	<-entered
	create("a")
	create("c")
	for queued := 0; queued < 2; {
		c.mu.Lock()
		queued = len(c.queue)
		c.mu.Unlock()
	}
	close(release)
	waiting.Wait()
	if results["b"] != nil || !errors.Is(results["a"], ErrTopicExists) || !errors.Is(results["c"], ErrNoSpace) {
		t.Error(results)
	}
}

func TestPanicBelongsToTheOneWhoAsked(t *testing.T) {
	c := open(t, Options{})
	func() {
		defer func() {
			if r := recover(); r != "mine" {
				t.Errorf("recovered %v", r)
			}
		}()
		err := c.Alter(t.Context(), config.Resource{Type: config.GroupResource, Name: "g"}, func(*config.Snapshot, map[string]string) (map[string]string, error) {
			panic("mine")
		})
		t.Errorf("no panic, but %v", err)
	}()
	must(t, c.CreateTopics(t.Context(), []NewTopic{{"a", 1, nil}}))
}

func TestCloseWaitsForChanges(t *testing.T) {
	for range 50 {
		c := open(t, Options{Path: file(t)})
		results := make(chan error, 8)
		for i := range 8 {
			go func() {
				results <- c.CreateTopics(context.Background(), []NewTopic{{fmt.Sprint("t", i), 1, nil}})
			}()
		}
		must(t, c.Close())
		created := 0
		for range 8 {
			switch err := <-results; {
			case err == nil:
				created++
			case !errors.Is(err, ErrClosed):
				t.Error(err)
			}
		}
		if c.Image().Len() != created {
			t.Errorf("%d topics, %d acknowledged", c.Image().Len(), created)
		}
	}
}
