package catalog

import "sync"

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

// madeStorage is a storage that is made in the background, as soon as somebody asks for it. Whoever uses it waits for that. If nobody did before
// it is closed, it is never made: a start that failed leaves no file behind.
type madeStorage struct {
	makeIt func() (storage, error)
	once   sync.Once     // begins to make it, or sees to it that it never is
	done   chan struct{} // closed when what follows is set
	made   storage
	err    error
}

// makeStorage is a storage that is to be made.
func makeStorage(makeIt func() (storage, error)) *madeStorage {
	return &madeStorage{makeIt: makeIt, done: make(chan struct{})}
}

// begin has it made, once.
func (s *madeStorage) begin() {
	s.once.Do(func() {
		go func() {
			defer close(s.done)
			s.made, s.err = s.makeIt()
		}()
	})
}

// await has it made and waits until it is.
func (s *madeStorage) await() (storage, error) {
	s.begin()
	<-s.done
	return s.made, s.err
}

func (s *madeStorage) load(bucket bucket, fn func(key, value []byte) error) error {
	made, err := s.await()
	if err != nil {
		return err
	}
	return made.load(bucket, fn)
}

func (s *madeStorage) commit(writes []write) error {
	made, err := s.await()
	if err != nil {
		return err
	}
	return made.commit(writes)
}

func (s *madeStorage) close() error {
	s.once.Do(func() {
		s.err = ErrClosed
		close(s.done)
	})
	<-s.done
	if s.made == nil {
		return nil // Whoever changed something was told.
	}
	return s.made.close()
}
