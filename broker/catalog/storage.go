package catalog

// bucket is one of the parts of a storage. Its name goes into the checksums of its
// records.
type bucket string

// The buckets.
const (
	bucketMeta     bucket = "meta"
	bucketTopics   bucket = "topics"
	bucketDeleting bucket = "deleting"
	bucketConfigs  bucket = "configs"
)

var buckets = []bucket{bucketMeta, bucketTopics, bucketDeleting, bucketConfigs}

// write is one change of a storage: the value of a key, nil to remove it.
type write struct {
	bucket bucket
	key    []byte
	value  []byte
}

// storage keeps the records. The catalog calls one method at a time.
//
// It knows nothing of what the records mean, so that a store of keys elsewhere (etcd)
// can take its place with the same keys.
type storage interface {
	// load calls fn with every record of a bucket, in the order of keys. key and value
	// are valid until fn returns.
	load(bucket bucket, fn func(key, value []byte) error) error
	// commit makes all writes or none of them, durably. An error that is [ErrNoSpace]
	// says that none was made and that the storage can go on; after any other one it
	// must not be written any more.
	commit(writes []write) error
	close() error
}

// memoryStorage keeps nothing: the image is all there is.
type memoryStorage struct{}

func (memoryStorage) load(bucket, func(key, value []byte) error) error { return nil }

func (memoryStorage) commit([]write) error { return nil }

func (memoryStorage) close() error { return nil }
