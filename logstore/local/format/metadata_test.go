package format

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/clatterhq/clatter/logstore/checkpoint"
)

var someID = UUID{0xfb, 0xff, 0x10, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xff}

func TestOffsetCheckpointIsKafkas(t *testing.T) {
	entries := []PartitionOffset{{"orders", 0, 1204}, {"orders", 11, 0}, {"a.b_c-d", 3, math.MaxInt64}}
	content := AppendOffsets([]byte("x"), entries)[1:]
	if want := "0\n3\norders 0 1204\norders 11 0\na.b_c-d 3 9223372036854775807\n"; string(content) != want {
		t.Errorf("got %q", content)
	}
	if got, err := DecodeOffsets(content); err != nil || !slices.Equal(got, entries) {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, content := range []string{"0\n1\na -1 0\n", "0\n1\na 0 -1\n", "0\n1\na x 0\n", "0\n1\na 0 x\n", "0\n1\na 0\n", "0\n2\na 0 0\n"} {
		if got, err := DecodeOffsets([]byte(content)); !errors.Is(err, checkpoint.ErrMalformed) || got != nil {
			t.Errorf("%q: got %v, %v", content, got, err)
		}
	}
}

func TestUUIDIsKafkas(t *testing.T) {
	if got := someID.String(); got != "-_8QAwQFBgcICQoLDA0O_w" {
		t.Errorf("got %q", got)
	}
	if got, err := ParseUUID(someID.String()); err != nil || got != someID {
		t.Errorf("got %v, %v", got, err)
	}
	for _, text := range []string{"", "AAAA", "AAAAAAAAAAAAAAAAAAAAAA==", "AAAAAAAAAAAAAAAAAAAAA+", "AAAAAAAAAAAAAAAAAAAAAB"} {
		if _, err := ParseUUID(text); !errors.Is(err, ErrMalformedMetadata) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestPartitionMetadataIsKafkas(t *testing.T) {
	content := AppendPartitionMetadata(nil, someID)
	if want := "version: 0\ntopic_id: -_8QAwQFBgcICQoLDA0O_w"; string(content) != want {
		t.Errorf("got %q", content)
	}
	for _, text := range []string{
		string(content), string(content) + "\n", strings.ReplaceAll(string(content), "\n", "\r\n"),
		strings.Replace(string(content), "0", "1", 1) + "\nmore: 1\n",
	} {
		if got, err := DecodePartitionMetadata([]byte(text)); err != nil || got != someID {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "version: 0", "version: 0\n", "version: -1\ntopic_id: -_8QAwQFBgcICQoLDA0O_w", "version: x\ntopic_id: -_8QAwQFBgcICQoLDA0O_w",
		"topic_id: -_8QAwQFBgcICQoLDA0O_w\nversion: 0", "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA", "version: 0\ntopic_id: x",
		"version: 0\ntopic_id: " + strings.Repeat("A", 1000),
	} {
		if _, err := DecodePartitionMetadata([]byte(text)); !errors.Is(err, ErrMalformedMetadata) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestMetaPropertiesRoundTrip(t *testing.T) {
	for _, m := range []MetaProperties{
		{ClusterID: "5L6g3nShT-eMCtK--X86sw", NodeID: 1, DirectoryID: someID, EpochFloor: NoEpochFloor},
		{ClusterID: "a=b:c #! \\ d", NodeID: math.MaxInt32, EpochFloor: math.MaxInt32},
		{ClusterID: " leading, ünïcode 🐦, tab\tand\nline", NodeID: 0, DirectoryID: someID},
	} {
		content := m.AppendTo(nil)
		if got, err := DecodeMetaProperties(content); err != nil || got != m {
			t.Errorf("%q: got %+v, %v", content, got, err)
		}
		for _, b := range content {
			if b >= 0x80 {
				t.Fatalf("%q isn't ASCII, and Java may read it as Latin-1", content)
			}
		}
	}
	want := "version=1\ncluster.id=x\nnode.id=7\ndirectory.id=-_8QAwQFBgcICQoLDA0O_w\n"
	if got := (MetaProperties{"x", 7, someID, NoEpochFloor}).AppendTo(nil); string(got) != want {
		t.Errorf("got %q", got)
	}
	want += "clatter.leader.epoch.floor=3\n"
	if got := (MetaProperties{"x", 7, someID, 3}).AppendTo(nil); string(got) != want {
		t.Errorf("got %q", got)
	}
}

func TestMetaPropertiesReadsWhatJavaWrites(t *testing.T) {
	content := "#\n#Fri Nov 21 08:03:11 UTC 2026\ncluster.id=abc\\:d\ndirectory.id=-_8QAwQFBgcICQoLDA0O_w\nnode.id=3\nversion=1\n"
	want := MetaProperties{ClusterID: "abc:d", NodeID: 3, DirectoryID: someID, EpochFloor: NoEpochFloor}
	for _, text := range []string{
		content, strings.ReplaceAll(content, "\n", "\r\n"), strings.ReplaceAll(content, "=", " : "),
		"! a comment \\\n" + content + "\n\n  other\\ key = x\n", strings.Replace(content, "abc", "a\\\n   b\\u0063", 1),
		content + "last=\\",
	} {
		if got, err := DecodeMetaProperties([]byte(text)); err != nil || got != want {
			t.Errorf("%q: got %+v, %v", text, got, err)
		}
	}
}

func TestMetaPropertiesRefusesWhatItDoesNotUnderstand(t *testing.T) {
	if _, err := DecodeMetaProperties(nil); !errors.Is(err, ErrMalformedMetadata) {
		t.Errorf("nothing: %v", err)
	}
	for text, want := range map[string]error{
		"cluster.id=x\nnode.id=1":                             ErrMalformedMetadata,
		"version=0\nbroker.id=1\n":                            ErrUnknownVersion,
		"version=2\ncluster.id=x":                             ErrUnknownVersion,
		"version=1\nnode.id=1":                                ErrMalformedMetadata,
		"version=1\ncluster.id=x":                             ErrMalformedMetadata,
		"version=1\ncluster.id=x\nnode.id=-1":                 ErrMalformedMetadata,
		"version=1\ncluster.id=x\nnode.id=2147483648":         ErrMalformedMetadata,
		"version=1\ncluster.id=x\nnode.id=1\ndirectory.id=zz": ErrMalformedMetadata,
		"version=1\ncluster.id=\\u12":                         ErrMalformedMetadata,
		"version=1\ncluster.id=\\uzzzz":                       ErrMalformedMetadata,
		"version=1\ncluster.id=\xff":                          ErrMalformedMetadata,
		strings.Repeat("a\n", 2000):                           ErrMalformedMetadata,
	} {
		if got, err := DecodeMetaProperties([]byte(text)); !errors.Is(err, want) {
			t.Errorf("%.40q: got %+v, %v", text, got, err)
		}
	}
}

func TestSegmentNames(t *testing.T) {
	for name, want := range map[string]struct {
		offset int64
		suffix Suffix
		stage  Stage
	}{
		"00000000000000000000.log":               {0, LogSuffix, Live},
		"00000000000000001234.index":             {1234, IndexSuffix, Live},
		"09223372036854775807.timeindex.deleted": {math.MaxInt64, TimeIndexSuffix, Deleted},
		"00000000000000000007.txnindex.swap":     {7, TxnIndexSuffix, Swap},
		"00000000000000000007.log.cleaned":       {7, LogSuffix, Cleaned},
		"00000000000000000007.snapshot":          {7, SnapshotSuffix, Live},
	} {
		offset, suffix, stage, ok := ParseSegmentName(name)
		if !ok || offset != want.offset || suffix != want.suffix || stage != want.stage {
			t.Errorf("%s: got %d, %q, %q, %v", name, offset, suffix, stage, ok)
		}
		if again := SegmentName(offset, suffix) + string(stage); again != name {
			t.Errorf("%s: made %s", name, again)
		}
	}
	for _, name := range []string{
		"", ".log", "0.log", "0000000000000000000.log", "000000000000000000000.log", "99999999999999999999.log",
		"-0000000000000000001.log", "+0000000000000000001.log", "0000000000_000000001.log", "00000000000000000000",
		"00000000000000000000.logx", "00000000000000000000.log.", "00000000000000000000.log.tmp", "partition.metadata",
		"00000000000000000000.log.deleted.deleted", "00000000000000000000.log-delete",
	} {
		if offset, suffix, stage, ok := ParseSegmentName(name); ok {
			t.Errorf("%q: got %d, %q, %q", name, offset, suffix, stage)
		}
	}
}

func TestPartitionDirs(t *testing.T) {
	for name, want := range map[string]struct {
		topic     string
		partition int32
		stage     Stage
	}{
		"orders-0":                {"orders", 0, Live},
		"a-b.c_d-17":              {"a-b.c_d", 17, Live},
		"x-2147483647":            {"x", math.MaxInt32, Live},
		"o-1.0011aabb-delete":     {"o", 1, DeleteDir},
		"o.p-1.0011aabb-future":   {"o.p", 1, FutureDir},
		"o-1.0011aabb-stray":      {"o", 1, StrayDir},
		"evil-1.abc-delete-5":     {"evil-1.abc-delete", 5, Live},
		"cut-1.ab.cd-1.ef-delete": {"cut-1.ab.cd", 1, DeleteDir},
	} {
		topic, partition, stage, ok := ParsePartitionDir(name)
		if !ok || topic != want.topic || partition != want.partition || stage != want.stage {
			t.Errorf("%s: got %q, %d, %q, %v", name, topic, partition, stage, ok)
		}
		if want.stage == Live && PartitionDir(topic, partition) != name {
			t.Errorf("%s: made %s", name, PartitionDir(topic, partition))
		}
	}
	for _, name := range []string{
		"", "-", "-1", "a-", "orders", "orders-x", "orders--1x", "orders-2147483648", "orders-99999999999999999999",
		"orders-1-delete", "orders-1.-delete", "orders-delete", "lost+found",
	} {
		if topic, partition, stage, ok := ParsePartitionDir(name); ok {
			t.Errorf("%q: got %q, %d, %q", name, topic, partition, stage)
		}
	}
}

func TestDeleteDirFitsAFileSystem(t *testing.T) {
	for _, length := range []int{1, 100, 208, 209, 249} {
		topic := strings.Repeat("t", length)
		name := PartitionDeleteDir(topic, 12345, someID)
		if len(name) > 255 || !strings.HasSuffix(name, "-12345.fbff1003040506070809"+"0a0b0c0d0eff-delete") {
			t.Errorf("%d: %s", len(name), name)
		}
		got, partition, stage, ok := ParsePartitionDir(name)
		if !ok || partition != 12345 || stage != DeleteDir || !strings.HasPrefix(topic, got) || (len(got) < length && len(name) != 255) {
			t.Errorf("%s: got %q, %d, %q, %v", name, got, partition, stage, ok)
		}
	}
}

func FuzzCheckpoint(f *testing.F) {
	f.Add([]byte("0\n2\norders 0 1204\norders 1 980\n"))
	f.Add([]byte("0\n2147483647\na 0 0\n"))
	f.Add([]byte("0\r\n1\r\na 2147483647 9223372036854775807"))
	f.Fuzz(func(t *testing.T, p []byte) {
		entries, err := DecodeOffsets(p)
		if err != nil {
			if !errors.Is(err, checkpoint.ErrMalformed) || entries != nil {
				t.Fatal(err)
			}
			return
		}
		again, err := DecodeOffsets(AppendOffsets(nil, entries))
		if err != nil || !slices.Equal(again, entries) {
			t.Fatalf("%+v becomes %+v, %v", entries, again, err)
		}
	})
}

func FuzzMetadata(f *testing.F) {
	f.Add([]byte("version: 0\ntopic_id: -_8QAwQFBgcICQoLDA0O_w"))
	f.Add(MetaProperties{"a=b:c\u00e9", 7, someID, NoEpochFloor}.AppendTo(nil))
	f.Add([]byte("version=1\\\n\ncluster.id=\\ud83d\\udc26\nnode.id=1"))
	f.Fuzz(func(t *testing.T, p []byte) {
		if id, err := DecodePartitionMetadata(p); err == nil {
			if again, err := DecodePartitionMetadata(AppendPartitionMetadata(nil, id)); err != nil || again != id {
				t.Fatalf("%v becomes %v, %v", id, again, err)
			}
		}
		if m, err := DecodeMetaProperties(p); err == nil {
			content := m.AppendTo(nil)
			again, err := DecodeMetaProperties(content)
			if err != nil || again != m || !bytes.Equal(again.AppendTo(nil), content) {
				t.Fatalf("%+v becomes %+v, %v", m, again, err)
			}
		}
		if topic, partition, stage, ok := ParsePartitionDir(string(p)); ok && stage == Live {
			again, number, _, ok := ParsePartitionDir(PartitionDir(topic, partition))
			if !ok || again != topic || number != partition {
				t.Fatalf("%q becomes %q, %d", p, again, number)
			}
		}
		if offset, suffix, stage, ok := ParseSegmentName(string(p)); ok && SegmentName(offset, suffix)+string(stage) != string(p) {
			t.Fatalf("%q becomes %q", p, SegmentName(offset, suffix))
		}
	})
}
