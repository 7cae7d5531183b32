package catalog

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"

	"github.com/clatterhq/clatter/broker/config"
	"github.com/clatterhq/clatter/logstore"
)

// FileName is the name of the catalog's file in the first log directory.
const FileName = "clatter-catalog.db"

// Options is what a catalog is opened with.
type Options struct {
	// Path is the file. Empty keeps the catalog in memory only. Whoever opens a file
	// holds the lock of its directory; the file's own lock is a second line.
	Path string
	// Config is the configuration of the broker. The catalog gives it the dynamic keys
	// that it keeps, at the start and whenever they change. Required.
	Config *config.Config
	// Background makes the file of a new catalog while the broker begins to work: Open doesn't wait
	// for the disk, the first change does, and Made tells the outcome.
	Background bool
	// ClusterID is that of a new catalog where the configuration names none. Empty draws one.
	ClusterID string
	// Log takes one line per event that an operator can act on. Nil is [slog.Default].
	Log *slog.Logger
	// Random is where IDs come from. Nil is the system's source; a test gives its own.
	Random io.Reader
	// OnChange is told of every change that concerns topics, after it is durable and
	// before the image shows it, one change at a time. It must not block for long, and
	// must not change the catalog. Nil tells nobody.
	OnChange func(Change)
	// OnFailure is told once when a write failed and nothing changes any more before a restart. It must not block, and not call the
	// catalog. Nil tells nobody.
	OnFailure func(error)
}

// Change is what one commit changed. Topics are as they are afterwards, deleted ones
// as they were.
type Change struct {
	Created      []*Topic
	Grown        []*Topic // have more partitions
	Reconfigured []*Topic // have another effective configuration
	Deleted      []*Topic
}

func (c *Change) isEmpty() bool {
	return len(c.Created) == 0 && len(c.Grown) == 0 && len(c.Reconfigured) == 0 && len(c.Deleted) == 0
}

// NewTopic is a topic to be created. Overrides have been checked by
// [config.Snapshot.NewTopic].
type NewTopic struct {
	Name       string
	Partitions int32
	Overrides  map[string]string
}

// AdoptedTopic is a topic that was made elsewhere and keeps its ID.
type AdoptedTopic struct {
	NewTopic
	ID logstore.TopicID
}

// Catalog is the truth about topics and what was configured. See the package for its
// invariants.
type Catalog struct {
	storage   storage
	config    *config.Config
	log       *slog.Logger
	random    io.Reader
	onChange  func(Change)
	onFailure func(error)
	clusterID string
	created   bool

	image atomic.Pointer[Image]

	// These belong to the leader, whoever that is.
	nextProducerID int64
	stopped        error // why nothing can be changed any more; nil while it can

	mu      sync.Mutex // guards what follows; held for moments only
	queue   []*operation
	leading bool // somebody leads, or was told to
}

// Open opens a catalog, and creates it where there is none. Dynamic keys that it keeps
// are in force afterwards, and topics have their effective configuration.
//
// Errors: [*CorruptError], [ErrInUse], [ErrOtherIdentity]; else the file can't be used.
// On an error nothing was changed.
func Open(options Options) (*Catalog, error) {
	c := &Catalog{
		config: options.Config, log: options.Log, random: options.Random, onChange: options.OnChange,
		onFailure: options.OnFailure, clusterID: options.ClusterID,
	}
	if c.log == nil {
		c.log = slog.Default()
	}
	if c.random == nil {
		c.random = rand.Reader
	}
	if c.onChange == nil {
		c.onChange = func(Change) {}
	}
	if c.onFailure == nil {
		c.onFailure = func(error) {}
	}
	if err := c.openStorage(options.Path, options.Background); err != nil {
		return nil, err
	}
	if c.created {
		return c, nil
	}
	if err := c.load(options.Path); err != nil {
		return nil, errors.Join(err, c.storage.close())
	}
	return c, nil
}

// openStorage opens the storage, and makes a new catalog where there is none.
func (c *Catalog) openStorage(path string, background bool) error {
	if path != "" {
		_, err := os.Stat(path)
		if err == nil {
			c.storage, err = openBolt(path)
			return err
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("catalog: %w", err)
		}
	}
	first, err := c.begin()
	if err != nil {
		return err
	}
	c.created = true
	if path == "" {
		c.storage = memoryStorage{}
		return nil
	}
	s := makeStorage(func() (storage, error) {
		if err := createBolt(path, first); err != nil {
			return nil, err
		}
		made, err := openBolt(path)
		if err != nil {
			return nil, err // not a storage that is nil inside
		}
		return made, nil
	})
	c.storage = s
	if background {
		return nil
	}
	return c.Made(context.Background())
}

// Made has the file of a new catalog made, waits until it is there, and returns what kept it from being made, which is [ErrClosed] if the catalog was
// closed before. Of any other catalog it returns nil.
func (c *Catalog) Made(ctx context.Context) error {
	s, ok := c.storage.(*madeStorage)
	if !ok {
		return nil
	}
	s.begin()
	select {
	case <-s.done:
		return s.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// ClusterID is the ID of the cluster, as Kafka writes it. It never changes.
func (c *Catalog) ClusterID() string { return c.clusterID }

// Created reports whether Open made a new catalog.
func (c *Catalog) Created() bool { return c.created }

// Image is the catalog as it is now.
func (c *Catalog) Image() *Image { return c.image.Load() }

// CreateTopics creates topics, each on its own: one that is refused doesn't keep the
// others from being created. The image shows them when it returns.
//
// Errors: [TopicErrors] with [ErrTopicExists], [*CollisionError], [ErrPartitionCount]
// or an error of the name; for all of them the errors of every change: [ErrNoSpace],
// [ErrFailed], [ErrClosed], or that of a context that was done before.
func (c *Catalog) CreateTopics(ctx context.Context, topics []NewTopic) error {
	outcomes := make(TopicErrors, len(topics))
	return c.do(ctx, &operation{apply: func(d *draft) error {
		for i, n := range topics {
			outcomes[i] = d.create(n, logstore.TopicID{})
		}
		return outcomes.orNil()
	}})
}

// AdoptTopics is CreateTopics for topics that have an ID already. An ID that is in use is [ErrTopicExists].
func (c *Catalog) AdoptTopics(ctx context.Context, topics []AdoptedTopic) error {
	outcomes := make(TopicErrors, len(topics))
	return c.do(ctx, &operation{apply: func(d *draft) error {
		for i, t := range topics {
			outcomes[i] = d.create(t.NewTopic, t.ID)
		}
		return outcomes.orNil()
	}})
}

// DeleteTopics deletes topics, each on its own. They are gone from the image when it
// returns, and their names can be used again. Their files are not: the caller deletes
// them in the store and then calls [Catalog.FinishDelete].
//
// Errors: [TopicErrors] with [ErrUnknownTopic]; those of every change.
func (c *Catalog) DeleteTopics(ctx context.Context, ids []logstore.TopicID) error {
	outcomes := make(TopicErrors, len(ids))
	return c.do(ctx, &operation{apply: func(d *draft) error {
		for i, id := range ids {
			outcomes[i] = d.remove(id)
		}
		return outcomes.orNil()
	}})
}

// FinishDelete says that the files of deleted topics are gone. IDs that are not being
// deleted are passed over. Errors: those of every change.
func (c *Catalog) FinishDelete(ctx context.Context, ids ...logstore.TopicID) error {
	return c.do(ctx, &operation{apply: func(d *draft) error {
		for _, id := range ids {
			d.forget(id)
		}
		return nil
	}})
}

// AddPartitions gives a topic this many partitions.
// Errors: [ErrUnknownTopic], [ErrPartitionCount] where it has as many or more; those of
// every change.
func (c *Catalog) AddPartitions(ctx context.Context, id logstore.TopicID, count int32) error {
	return c.do(ctx, &operation{apply: func(d *draft) error { return d.grow(id, count) }})
}

// SetTopicConfig replaces the own keys of a topic, which were checked before. Where
// another client may change them meanwhile, use [Catalog.Alter].
// Errors: [ErrUnknownTopic]; those of every change.
func (c *Catalog) SetTopicConfig(ctx context.Context, id logstore.TopicID, overrides map[string]string) error {
	return c.do(ctx, &operation{apply: func(d *draft) error {
		t, err := d.find(id)
		if err == nil {
			d.configure(t, overrides)
		}
		return err
	}})
}

// SetBrokerConfig replaces the keys that are set while brokers run, for this one or for
// all, which were checked before. They are in force when it returns. Where another
// client may change them meanwhile, use [Catalog.Alter].
// Errors: those of every change.
func (c *Catalog) SetBrokerConfig(ctx context.Context, scope config.Scope, overrides map[string]string) error {
	return c.do(ctx, &operation{alone: true, apply: func(d *draft) error {
		d.setOverrides(d.brokerResource(scope), overrides)
		return nil
	}})
}

// Alter changes the own keys of a resource: fn is given what is set and returns what
// is to be set, or an error, which Alter returns. No other change comes between. fn
// runs once, may run in another goroutine, and must be quick; mostly it calls
// [config.Snapshot.Alter] or Replace of the snapshot that it is given.
//
// Errors: that of fn; [ErrUnknownTopic] where a topic's keys were found good but the
// topic doesn't exist; those of every change.
func (c *Catalog) Alter(ctx context.Context, r config.Resource, fn func(s *config.Snapshot, current map[string]string) (map[string]string, error)) error {
	return c.do(ctx, &operation{alone: r.Type == config.BrokerResource, apply: func(d *draft) error {
		if r.Type == config.TopicResource {
			return d.alterTopic(r.Name, fn)
		}
		if r.Type == config.BrokerResource {
			r = d.brokerResource(r.Scope())
		}
		altered, err := fn(d.snapshot, d.configs[r])
		if err == nil {
			d.setOverrides(r, altered)
		}
		return err
	}})
}

// AllocateProducerIDs hands out a block of producer IDs: first and the count-1 that
// follow. It is durable before anybody sees it, so no ID is ever handed out twice.
// Errors: [ErrProducerIDsExhausted]; those of every change.
func (c *Catalog) AllocateProducerIDs(ctx context.Context) (first, count int64, err error) {
	err = c.do(ctx, &operation{apply: func(d *draft) error {
		first, err = d.takeProducerIDs()
		return err
	}})
	if err != nil {
		return 0, 0, err
	}
	return first, producerIDBlock, nil
}

// SkipProducerIDs keeps IDs below next from being handed out, because somebody else did: the owner of logs before this one.
// Errors: those of every change.
func (c *Catalog) SkipProducerIDs(ctx context.Context, next int64) error {
	return c.do(ctx, &operation{apply: func(d *draft) error {
		if next > d.nextProducerID {
			d.setNextProducerID(next)
		}
		return nil
	}})
}

// Fail refuses all further changes with [ErrFailed], because the disk that the catalog is on failed elsewhere: what is written to it now may
// never arrive. The image can still be read.
func (c *Catalog) Fail() {
	// It can only be closed or failed already.
	_ = c.do(context.Background(), &operation{alone: true, apply: func(*draft) error {
		c.stopped = ErrFailed
		return nil
	}})
}

// Close waits for changes that are under way and closes the file. Later changes get
// [ErrClosed]; the image can still be read. Closing again does nothing.
func (c *Catalog) Close() error {
	var err error
	closing := c.do(context.Background(), &operation{alone: true, apply: func(*draft) error {
		c.stopped = ErrClosed
		err = c.storage.close()
		return nil
	}})
	if errors.Is(closing, ErrFailed) {
		// The lead is free, but nobody else can come in: changes are refused before they
		// touch the storage.
		return c.storage.close()
	}
	return err
}

// publish makes a committed draft visible. Only the leader is here.
func (c *Catalog) publish(d *draft) {
	for scope, overrides := range d.brokers {
		c.applyBroker(scope, overrides)
	}
	if d.brokers != nil {
		d.reconfigureAll(c.config.Current())
	}
	c.nextProducerID = d.nextProducerID
	if !d.changed() {
		return
	}
	if !d.change.isEmpty() {
		c.onChange(d.change)
	}
	c.image.Store(d.image())
}

// applyBroker puts dynamic keys of brokers in force. They were checked when they were
// set; what has become invalid since is told and left out, as Kafka does.
func (c *Catalog) applyBroker(scope config.Scope, overrides map[string]string) {
	ignored, err := c.config.SetDynamic(scope, overrides)
	for _, line := range ignored {
		c.log.Warn(line)
	}
	if err != nil {
		c.log.Error("the stored configuration of the broker is not in force", "err", err)
	}
}
