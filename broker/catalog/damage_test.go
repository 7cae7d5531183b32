package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/clatterhq/clatter/broker/config"
	"github.com/clatterhq/clatter/logstore"
)

// describe is all of an image as text, to compare two.
func describe(c *Catalog) string {
	var b strings.Builder
	image := c.Image()
	fmt.Fprintln(&b, c.ClusterID(), c.nextProducerID)
	deleting := slices.SortedFunc(slices.Values(image.Deleting()), func(a, b *Topic) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	for _, list := range [][]*Topic{image.Topics(), deleting} {
		for _, topic := range list {
			fmt.Fprintln(&b, topic.Name, topic.ID, topic.Partitions, topic.Overrides)
		}
	}
	for _, t := range []config.ResourceType{config.BrokerResource, config.GroupResource, config.ClientMetricsResource} {
		for _, name := range image.Configured(t) {
			fmt.Fprintln(&b, t, name, image.Overrides(config.Resource{Type: t, Name: name}))
		}
	}
	return b.String()
}

// filled is a file with something of everything, and with free pages.
func filled(tb testing.TB, topics int) (content []byte, want string) {
	tb.Helper()
	path := file(tb)
	c := open(tb, Options{Path: path})
	var all []NewTopic
	for i := range topics {
		all = append(all, NewTopic{fmt.Sprintf("topic.%d", i), int32(i%9 + 1), map[string]string{"retention.ms": fmt.Sprint(i)}})
	}
	must(tb, c.CreateTopics(tb.Context(), all))
	for i := range min(5, topics-1) {
		must(tb, c.DeleteTopics(tb.Context(), []logstore.TopicID{id(tb, c, fmt.Sprintf("topic.%d", i))}))
	}
	must(tb, c.SetBrokerConfig(tb.Context(), config.AllBrokers, map[string]string{"log.retention.ms": "5", "min.insync.replicas": "1"}))
	must(tb, c.Alter(tb.Context(), config.Resource{Type: config.GroupResource, Name: "g"}, func(*config.Snapshot, map[string]string) (map[string]string, error) {
		return map[string]string{"consumer.session.timeout.ms": "50000"}, nil
	}))
	_, _, err := c.AllocateProducerIDs(tb.Context())
	must(tb, err)
	want = describe(c)
	must(tb, c.Close())
	content, err = os.ReadFile(path)
	must(tb, err)
	return content, want
}

// reopen opens a file of this content and says what is in it.
func reopen(tb testing.TB, path string, content []byte) (string, error) {
	tb.Helper()
	must(tb, os.WriteFile(path, content, 0o600))
	c, err := Open(Options{Path: path, Config: newConfig(tb, nil)})
	if err != nil {
		after, readErr := os.ReadFile(path)
		must(tb, readErr)
		if !bytes.Equal(after, content) {
			tb.Fatalf("a refused file was changed (%v)", err)
		}
		return "", err
	}
	got := describe(c)
	must(tb, c.Close())
	return got, nil
}

// Random bits of a small and of a larger file: flipped, each is found, or makes no
// difference because nobody uses it. Most are taken where something is written.
func TestFlippedBitsAreFoundOrHarmless(t *testing.T) {
	for _, c := range []struct{ topics, flips int }{{8, 400}, {600, 200}} {
		content, want := filled(t, c.topics)
		var written []int
		for at, b := range content[:usedLength(content)] {
			if b != 0 || at%16 == 0 {
				written = append(written, at)
			}
		}
		path := filepath.Join(t.TempDir(), "flipped")
		random := rand.New(rand.NewPCG(1, uint64(c.topics)))
		found := 0
		for range c.flips {
			bit := written[random.IntN(len(written))]*8 + random.IntN(8)
			content[bit/8] ^= 1 << (bit % 8)
			got, err := reopen(t, path, content)
			content[bit/8] ^= 1 << (bit % 8)
			var corrupt *CorruptError
			switch {
			case err == nil && got != want:
				t.Fatalf("bit %d: something else is read:\n%s\ninstead of\n%s", bit, got, want)
			case err != nil && !errors.As(err, &corrupt):
				t.Fatalf("bit %d: %v", bit, err)
			case err != nil:
				found++
			}
		}
		if found < c.flips/10 {
			t.Errorf("only %d of %d were found", found, c.flips)
		}
	}
}

func TestDamagedFilesAreRefusedUnchanged(t *testing.T) {
	content, _ := filled(t, 300)
	page := os.Getpagesize()
	path := filepath.Join(t.TempDir(), "damaged")
	for name, damaged := range map[string][]byte{
		"empty":             {},
		"text":              []byte("node.id=1\n"),
		"long text":         bytes.Repeat([]byte("node.id=1\n"), 10000),
		"zeros":             make([]byte, 64<<10),
		"first page only":   content[:page],
		"two pages":         content[:2*page],
		"half":              content[:usedLength(content)/2/page*page],
		"one byte short":    content[:usedLength(content)-1],
		"overwritten pages": append(bytes.Clone(content[:2*page]), make([]byte, len(content)-2*page)...),
		"swapped pages":     slicesConcat(content[:2*page], content[3*page:4*page], content[2*page:3*page], content[4*page:]),
	} {
		_, err := reopen(t, path, damaged)
		var corrupt *CorruptError
		if !errors.As(err, &corrupt) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open(Options{Path: t.TempDir(), Config: newConfig(t, nil)}); err == nil {
		t.Error("a directory is opened")
	}
}

// usedLength is where the pages end that are in use or free.
func usedLength(content []byte) int {
	meta, err := newestMeta(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		panic(err)
	}
	return int(meta.pages * meta.pageBytes)
}

func slicesConcat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// bbolt would fall back to the other page and with that to the state before the last
// change, which was acknowledged. A power cut can't do that: what counts of the page is
// in one sector.
func TestDamageOfEitherMetaPageIsFound(t *testing.T) {
	content, _ := filled(t, 30)
	path := filepath.Join(t.TempDir(), "torn")
	for _, page := range []int{0, os.Getpagesize()} {
		for _, at := range []int{0, 8, 16, 40, 48, 56} {
			torn := bytes.Clone(content)
			torn[page+pageHeaderBytes+at] ^= 1
			var corrupt *CorruptError
			if _, err := reopen(t, path, torn); !errors.As(err, &corrupt) {
				t.Errorf("page at %d, byte %d: %v", page, at, err)
			}
		}
	}
}

// tamper changes records behind the catalog's back, with a bbolt that is content.
func tamper(t *testing.T, path string, fn func(tx *bolt.Tx) error) {
	t.Helper()
	db, err := bolt.Open(path, 0o600, boltOptions())
	must(t, err)
	must(t, db.Update(fn))
	must(t, db.Close())
}

func TestTamperedRecordsAreFound(t *testing.T) {
	for name, change := range map[string]func(tx *bolt.Tx) error{
		"a topic is missing": func(tx *bolt.Tx) error {
			key, _ := tx.Bucket([]byte(bucketTopics)).Cursor().First()
			return tx.Bucket([]byte(bucketTopics)).Delete(key)
		},
		"a topic is there under another ID": func(tx *bolt.Tx) error {
			b := tx.Bucket([]byte(bucketTopics))
			key, value := b.Cursor().First()
			value = bytes.Clone(value)
			return errors.Join(b.Delete(key), b.Put(bytes.Repeat([]byte{7}, 16), value))
		},
		"a deleted topic is back": func(tx *bolt.Tx) error {
			key, value := tx.Bucket([]byte(bucketDeleting)).Cursor().First()
			return tx.Bucket([]byte(bucketTopics)).Put(key, bytes.Clone(value))
		},
		"a bucket is missing": func(tx *bolt.Tx) error { return tx.DeleteBucket([]byte(bucketConfigs)) },
		"the digest is missing": func(tx *bolt.Tx) error {
			return tx.Bucket([]byte(bucketMeta)).Delete([]byte(digestKey))
		},
		"a newer version": func(tx *bolt.Tx) error {
			value := append(append([]byte{recordVersion}, "clatter catalog"...), 0, 0, 0, 2)
			return apply(tx, []write{{bucketMeta, []byte(formatKey), seal(bucketMeta, []byte(formatKey), value)}})
		},
		"a newer record": func(tx *bolt.Tx) error {
			key := bytes.Repeat([]byte{7}, 16)
			return apply(tx, []write{{bucketTopics, key, seal(bucketTopics, key, []byte{recordVersion + 1, 1, 1, 'x', 0})}})
		},
		"two topics of one name": func(tx *bolt.Tx) error {
			topic := &Topic{Name: "topic.20", ID: logstore.TopicID{7}, Partitions: 1}
			return apply(tx, []write{{bucketTopics, topic.ID[:], encodeTopic(bucketTopics, topic)}})
		},
		"a configuration of nothing": func(tx *bolt.Tx) error {
			return apply(tx, []write{{bucketConfigs, []byte{99}, seal(bucketConfigs, []byte{99}, []byte{recordVersion, 200})}})
		},
	} {
		content, _ := filled(t, 30)
		path := filepath.Join(t.TempDir(), "tampered")
		must(t, os.WriteFile(path, content, 0o600))
		tamper(t, path, change)
		content, err := os.ReadFile(path)
		must(t, err)
		var corrupt *CorruptError
		if _, err := reopen(t, path, content); !errors.As(err, &corrupt) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRecordsComeBack(t *testing.T) {
	for _, overrides := range []map[string]string{nil, {"a": "b"}, {"": "", "ä": "\x00\n", "long": strings.Repeat("x", 40000)}} {
		topic := &Topic{Name: "name", ID: logstore.TopicID{1, 2}, Partitions: 1<<31 - 1, Overrides: overrides}
		got, err := decodeTopic(bucketTopics, topic.ID[:], encodeTopic(bucketTopics, topic))
		if err != nil || got.Name != topic.Name || got.ID != topic.ID || got.Partitions != topic.Partitions || !maps.Equal(got.Overrides, overrides) {
			t.Errorf("%+v, %v", got, err)
		}
		if _, err := decodeTopic(bucketDeleting, topic.ID[:], encodeTopic(bucketTopics, topic)); !errors.Is(err, errRecordCRC) {
			t.Error("a record is taken from another bucket")
		}
	}
}

func FuzzRecords(f *testing.F) {
	key := make([]byte, 16)
	f.Add(encodeTopic(bucketTopics, &Topic{Name: "a", Partitions: 3, Overrides: map[string]string{"k": "v"}})[1:])
	f.Add([]byte{1, 1, 'x', 0})
	f.Add([]byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 255, 255, 255, 255, 15})
	f.Fuzz(func(t *testing.T, record []byte) {
		// With a checksum that is right, so that what is inside is reached.
		sealed := seal(bucketTopics, key, append([]byte{recordVersion}, record...))
		topic, err := decodeTopic(bucketTopics, key, sealed)
		if err == nil {
			again, err := decodeTopic(bucketTopics, key, encodeTopic(bucketTopics, topic))
			if err != nil || again.Name != topic.Name || !maps.Equal(again.Overrides, topic.Overrides) {
				t.Fatalf("%+v became %+v, %v", topic, again, err)
			}
		}
		_, _ = decodeConfig(key, seal(bucketConfigs, key, append([]byte{recordVersion}, record...)))
		_, _ = unseal(bucketMeta, key, record)
	})
}

func FuzzInspect(f *testing.F) {
	content, _ := filled(f, 3)
	f.Add(content)
	f.Fuzz(func(_ *testing.T, content []byte) {
		_ = inspect(bytes.NewReader(content), int64(len(content)))
	})
}
