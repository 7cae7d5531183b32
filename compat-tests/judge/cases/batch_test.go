package cases

import (
	"fmt"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestGoodBatchesAreGood(t *testing.T) {
	for codec := range int16(5) {
		raw := batch{records: values("a", "b"), codec: codec, first: 5}.encode(1000, func(int) int64 { return -1 })
		var b kmsg.RecordBatch
		if err := b.ReadFrom(raw); err != nil {
			t.Fatal(err)
		}
		if int(b.Length) != len(raw)-12 || b.NumRecords != 2 || b.LastOffsetDelta != 1 || b.FirstTimestamp != 1005 || b.MaxTimestamp != 1005 {
			t.Errorf("codec %d: header %+v", codec, b)
		}
		if sum := crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli)); uint32(b.CRC) != sum {
			t.Errorf("codec %d: checksum %x, want %x", codec, uint32(b.CRC), sum)
		}
		records, err := kgo.DefaultDecompressor().Decompress(b.Records, kgo.CompressionCodecType(codec))
		if err != nil {
			t.Fatal(err)
		}
		var r kmsg.Record
		if err := r.ReadFrom(records); err != nil || string(r.Value) != "a" || r.Key != nil || int(r.Length)*2+2 != len(records) {
			t.Errorf("codec %d: first record %+v, %v", codec, r, err)
		}
	}
}

func TestCasesHaveNamesThatFitGoldenFiles(t *testing.T) {
	for _, c := range All() {
		for _, r := range c.Name {
			if r < ' ' {
				t.Errorf("%q contains a control character", c.Name)
			}
		}
		if len(c.Steps) == 0 {
			t.Errorf("%s asks nothing", c.Name)
		}
	}
}

// TestEveryServedVersionIsAsked makes sure that no version of an API is forgotten.
func TestEveryServedVersionIsAsked(t *testing.T) {
	asked := map[string]int{}
	for _, c := range All() {
		api, rest, _ := strings.Cut(c.Name, "/")
		version, what, _ := strings.Cut(rest, "/")
		if !strings.HasPrefix(what, "damage/") && !strings.HasPrefix(what, "edge/") {
			asked[api+"/"+version]++
		}
	}
	for _, api := range apis() {
		for _, v := range versions(api.first, api.last) {
			if n := asked[fmt.Sprintf("%s/v%d", api.name, v)]; n < 2 {
				t.Errorf("%s v%d is asked %d times", api.name, v, n)
			}
		}
	}
}
