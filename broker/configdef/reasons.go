package configdef

// Why a key has no effect here or is refused. Operators read them in the warning or
// the error that names the key.
const (
	reasonAppends     = "what arrives while a write is under way is written together, and an idle coordinator keeps no buffer"
	reasonAuthorizer  = "access control lists are not served yet, and ignoring an authorizer would leave the broker open"
	reasonBacklog     = "the operating system's own limit (net.core.somaxconn) is used"
	reasonCheckpoint  = "checkpoints follow the syncs of the data, and recovery trusts the data only"
	reasonController  = "there is no controller quorum; the broker keeps its own metadata"
	reasonDefinite    = "a commit is answered when it is durable or has failed, and never left in between"
	reasonEarlyStart  = "the metadata is loaded before any listener opens"
	reasonInternal    = "internal to Apache Kafka"
	reasonLoading     = "committed offsets and transactions are read in pieces of 1 MiB"
	reasonMetrics     = "there are no Java metrics and no reporters"
	reasonOneDir      = "partitions are not moved between directories"
	reasonPlugin      = "Java classes can't be loaded"
	reasonProviders   = "values can't be looked up elsewhere; write them into the file or the environment"
	reasonPurgatory   = "a finished wait leaves nothing behind that would have to be looked for"
	reasonQueue       = "requests don't wait for threads; their memory is limited by queued.max.request.bytes"
	reasonQuotas      = "quotas are not served yet"
	reasonRemote      = "there is no tiered storage"
	reasonReplication = "one broker holds every partition; nothing is replicated"
	reasonSASL        = "only SASL listeners use it, and those are not served yet"
	reasonSSL         = "only SSL listeners use it, and those are not served yet"
	reasonShare       = "share groups are not served yet"
	reasonStreams     = "streams groups are not served yet"
	reasonTelemetry   = "client metrics are not served yet"
	reasonThreads     = "goroutines are used instead of sized thread pools"
	reasonTokens      = "delegation tokens are not served"
	reasonTimers      = "a transaction is aborted when its time is up, not at the next look"
	reasonTwoPhase    = "clients ask for it in a version of InitProducerId that is not stable yet"
	reasonWoken       = "a request that waits for a transaction to end is woken when it does"
)
