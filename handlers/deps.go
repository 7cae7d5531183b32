package handlers

import (
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/broker/catalog"
	"github.com/clatterhq/clatter/broker/config"
	"github.com/clatterhq/clatter/logstore"
)

// Deps is what the handlers work with. All but LogLevel, Log and Now are required.
type Deps struct {
	Store   logstore.Store
	Catalog *catalog.Catalog
	Config  *config.Config
	*Coordinators
	// LogLevel is the level of Log, which clients may change; nil if it is fixed.
	LogLevel *slog.LevelVar
	// Log gets what an operator can act on; nil is the default logger.
	Log *slog.Logger
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Dispatcher answers requests. Its fields don't change; what is behind sessions and producerIDs has a lock of its own.
type Dispatcher struct {
	deps     Deps
	nodeID   int32
	handlers []handler
	apiKeys  []kmsg.ApiVersionsResponseApiKey // what ApiVersions tells, shared by all answers
	replicas []int32                          // ourselves, shared by all answers

	transactions verifier  // as Produce sees them
	produces     sync.Pool // of *produce, whose answers were encoded

	sessions    *fetchSessionCache
	producerIDs *producerIDs
	loggers     loggers
}

var _ broker.Dispatcher = (*Dispatcher)(nil)

// New makes a dispatcher that answers all APIs of the table. The number of this broker and the
// number of fetch sessions are read now; all other configuration is read when it is needed.
func New(deps Deps) *Dispatcher {
	if deps.Log == nil {
		deps.Log = slog.Default()
	}
	if deps.Now == nil {
		deps.Now = time.Now
	}
	c := deps.Config.Current()
	return &Dispatcher{
		deps:        deps,
		nodeID:      c.NodeID,
		handlers:    byKey(),
		apiKeys:     advertisedAPIs(),
		replicas:    []int32{c.NodeID},
		sessions:    newFetchSessionCache(int(c.MaxIncrementalFetchSessionCacheSlots)),
		producerIDs: newProducerIDs(deps.Catalog),
		loggers:     loggers{level: deps.LogLevel},

		transactions: deps.Transactions,
	}
}

// noReplicas is the empty list, which is not null on the wire.
var noReplicas = []int32{}

func (d *Dispatcher) now() time.Time { return d.deps.Now() }

// config is what is configured now.
func (d *Dispatcher) config() *config.Snapshot { return d.deps.Config.Current() }

// clusterID is the same for the life of the data.
func (d *Dispatcher) clusterID() string { return d.deps.Catalog.ClusterID() }

// address is where clients find a broker.
type address struct {
	host string
	port int32
}

// addressFor is what the clients of a listener are told, or where this one has found us if nothing is advertised.
func (d *Dispatcher) addressFor(peer *broker.Peer) address {
	advertised, _ := d.config().Advertised(peer.Listener)
	a := address{host: advertised.Host, port: int32(advertised.Port)}
	if a.host == "" && peer.Local.IsValid() {
		a.host = peer.Local.Addr().Unmap().WithZone("").String()
	}
	if a.port == 0 {
		a.port = int32(peer.Local.Port())
	}
	return a
}
