package local

import (
	"log/slog"
	"math/rand/v2"
	"sync"

	"github.com/clatterhq/clatter/logstore/vfs"
)

// Defaults of Options, Kafka's where Kafka has them.
const (
	defaultMaxOpenFiles             = 3500
	defaultProducerIDExpirationMs   = 86_400_000
	defaultRetentionCheckIntervalMs = 300_000
	// defaultProducerIDExpirationCheckIntervalMs is Kafka's default.
	defaultProducerIDExpirationCheckIntervalMs = 600_000
	defaultRecoveryWorkers                     = 2
)

// Options is how a store is opened. The zero value of each field but Dirs means a default.
type Options struct {
	// Dirs are the log directories (log.dirs). A new partition goes where the fewest are.
	Dirs []vfs.FS
	// Whole says that every directory has to be opened. Else one that the disk refuses is offline from the start.
	Whole bool
	// NodeID and ClusterID must agree with what the directories say; new ones are stamped with them.
	NodeID    int32
	ClusterID string
	// Locked, if it isn't nil, is called once, when the first directory is locked and nothing in it was
	// touched: for what lives in the same directory and has no lock of its own. The cluster ID that it returns takes the place
	// of ClusterID; its error ends Open.
	Locked func() (clusterID string, err error)
	// Offline, if it isn't nil, is called once for each directory that goes offline, with its place in Dirs, how many are
	// left, and why. It must not block, and not call the store: whoever ran into the failure holds locks.
	Offline func(dir, left int, err error)
	// Log receives one line per event that an operator can act on.
	Log *slog.Logger
	// MaxOpenFiles bounds the files that are kept open; default: 3500, or half of what the process
	// may open if that is less.
	MaxOpenFiles int
	// ProducerIDExpirationMs is producer.id.expiration.ms, read at each use because it may change.
	ProducerIDExpirationMs func() int64
	// ProducerIDExpirationCheckIntervalMs is producer.id.expiration.check.interval.ms: how often silent producers are looked for, as long as
	// there are producers.
	ProducerIDExpirationCheckIntervalMs int64
	// RetentionCheckIntervalMs is log.retention.check.interval.ms.
	RetentionCheckIntervalMs int64
	// Cleaner is how compaction works, read at each use because it may change.
	Cleaner func() CleanerConfig
	// RecoveryWorkers is num.recovery.threads.per.data.dir.
	RecoveryWorkers int
	// Rand is where jitter and directory IDs come from; default: a random seed.
	Rand *rand.Rand
}

// settings are the Options with defaults filled in. They are immutable but for the
// random source, which has a lock because rand.Rand has none.
type settings struct {
	Options
	mu sync.Mutex
}

func newSettings(o Options) *settings {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MaxOpenFiles <= 0 {
		o.MaxOpenFiles = min(defaultMaxOpenFiles, openFileLimit()/2)
	}
	if o.ProducerIDExpirationMs == nil {
		o.ProducerIDExpirationMs = func() int64 { return defaultProducerIDExpirationMs }
	}
	if o.ProducerIDExpirationCheckIntervalMs <= 0 {
		o.ProducerIDExpirationCheckIntervalMs = defaultProducerIDExpirationCheckIntervalMs
	}
	if o.RetentionCheckIntervalMs <= 0 {
		o.RetentionCheckIntervalMs = defaultRetentionCheckIntervalMs
	}
	if o.Cleaner == nil {
		o.Cleaner = DefaultCleanerConfig
	}
	if o.RecoveryWorkers <= 0 {
		o.RecoveryWorkers = defaultRecoveryWorkers
	}
	if o.Rand == nil {
		o.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	return &settings{Options: o}
}

// random returns 64 random bits.
func (s *settings) random() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Rand.Uint64()
}
