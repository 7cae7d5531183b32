package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestGuardAcceptsEveryValidRequest(t *testing.T) {
	f := filler{rng: rand.New(rand.NewPCG(1, 2)), elements: 3, text: 20, tags: 0.05}
	for key, version := range everyRequest() {
		for range 50 {
			req := f.randomRequest(key, version)
			body := req.AppendTo(nil)
			if err := Guard(key, version, body); err != nil {
				t.Fatalf("%s v%d: %v\n%x", APIName(key), version, err, body)
			}
			got, err := DecodeRequest(RequestHeader{Key: key, Version: version}, body)
			if err != nil {
				t.Fatalf("%s v%d: %v", APIName(key), version, err)
			}
			if again := got.AppendTo(nil); !bytes.Equal(again, body) {
				t.Fatalf("%s v%d: decoded and encoded again\n%x becomes\n%x", APIName(key), version, body, again)
			}
		}
	}
}

func TestGuardRefusesEveryPrefix(t *testing.T) {
	f := filler{rng: rand.New(rand.NewPCG(3, 4)), elements: 2, text: 6, tags: 0.05}
	for key, version := range everyRequest() {
		for range 5 {
			body := f.randomRequest(key, version).AppendTo(nil)
			for n := range body {
				if err := Guard(key, version, body[:n:n]); !errors.Is(err, ErrMalformed) {
					t.Fatalf("%s v%d: %d of %d bytes: %v", APIName(key), version, n, len(body), err)
				}
			}
		}
	}
}

func TestGuardIgnoresTrailingBytesAsKafkaDoes(t *testing.T) {
	f := filler{rng: rand.New(rand.NewPCG(5, 6)), elements: 2, text: 6}
	for key, version := range everyRequest() {
		body := f.randomRequest(key, version).AppendTo(nil)
		if err := Guard(key, version, append(body, 0xff, 0xff, 0xff)); err != nil {
			t.Errorf("%s v%d: %v", APIName(key), version, err)
		}
	}
}

// What kmsg allocates for a body must not exceed what Guard has counted for it.
func TestGuardCountsAtLeastWhatDecodingAllocates(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	rng := rand.New(rand.NewPCG(7, 8))
	fillers := []filler{
		{rng: rng, elements: 6, text: 3},
		{rng: rng, elements: 4, text: 40, tags: 0.5},
		{rng: rng, elements: 60, text: 0},
	}
	for key, version := range everyRequest() {
		for _, f := range fillers {
			req := f.randomRequest(key, version)
			growFirstArray(reflect.ValueOf(req).Elem(), 300)
			body := req.AppendTo(nil)
			cost, err := measure(key, version, body)
			if err != nil && !errors.Is(err, ErrTooCostly) {
				t.Fatal(err)
			}
			if err != nil {
				continue
			}
			got := allocated(uint64(cost), func() {
				req := newRequest(key, version)
				if err := req.ReadFrom(body); err != nil {
					t.Fatal(err)
				}
			})
			if int64(got) > cost {
				t.Errorf("%s v%d: decoding %d bytes allocates %d, counted were %d", APIName(key), version, len(body), got, cost)
			}
		}
	}
}

// growFirstArray repeats the elements of the first array of a message.
func growFirstArray(v reflect.Value, n int) {
	for _, field := range v.Fields() {
		if field.Kind() != reflect.Slice || field.Len() == 0 || field.Type().Elem().Kind() == reflect.Uint8 {
			continue
		}
		grown := reflect.MakeSlice(field.Type(), n, n)
		for i := range n {
			grown.Index(i).Set(field.Index(i % field.Len()))
		}
		field.Set(grown)
		return
	}
}

// hostile are bodies that cost a careless decoder much and their sender little.
func hostile() map[string]struct {
	key, version int16
	body         []byte
	want         error
} {
	zeros := make([]byte, 16<<20)
	array := func(count int32, rest ...byte) []byte {
		return append(binary.BigEndian.AppendUint32(nil, uint32(count)), rest...)
	}
	return map[string]struct {
		key, version int16
		body         []byte
		want         error
	}{
		"2^32-1 tags":                     {KeyAPIVersions, 3, []byte{1, 1, 0xff, 0xff, 0xff, 0xff, 0x0f}, ErrMalformed},
		"50 million tags":                 {KeyAPIVersions, 3, []byte{1, 1, 0x80, 0xe1, 0xeb, 0x17}, ErrMalformed},
		"10001 tags":                      {KeyAPIVersions, 3, append([]byte{1, 1, 0x91, 0x4e}, make([]byte, 20_002)...), ErrMalformed},
		"10000 empty tags":                {KeyAPIVersions, 3, append([]byte{1, 1, 0x90, 0x4e}, make([]byte, 20_000)...), ErrTooCostly},
		"a tag of 4 GiB":                  {KeyAPIVersions, 3, []byte{1, 1, 1, 9, 0xff, 0xff, 0xff, 0xff, 0x0f}, ErrMalformed},
		"2^31-1 topics":                   {KeyMetadata, 8, array(1<<31-1, zeros[:64]...), ErrMalformed},
		"2^31-1 topics, compact":          {KeyMetadata, 9, append([]byte{0xff, 0xff, 0xff, 0xff, 0x0f}, zeros[:64]...), ErrMalformed},
		"2^32-1 topics, compact":          {KeyMetadata, 9, append([]byte{0xff, 0xff, 0xff, 0xff, 0x07}, zeros[:64]...), ErrMalformed},
		"a million empty topics":          {KeyMetadata, 8, append(array(1_000_000), zeros[:2<<20]...), ErrTooCostly},
		"as many topics as bytes":         {KeyMetadata, 8, append(array(16<<20), zeros...), ErrMalformed},
		"just above Kafka's cap":          {KeyMetadata, 8, append(array(1_000_001), zeros...), ErrMalformed},
		"a million empty topics, compact": {KeyMetadata, 9, append([]byte{0xc1, 0x84, 0x3d}, bytes.Repeat([]byte{1, 0}, 1_000_010)...), ErrTooCostly},
		"a topic that ends early":         {KeyCreateTopics, 2, append(array(299_593), zeros[:4<<20]...), ErrMalformed},
		"2^31-1 partitions":               {KeyDeleteRecords, 0, array(1, 0, 1, 't', 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0), ErrMalformed},
		"2^31-1 bytes of records":         {KeyProduce, 3, []byte{0xff, 0xff, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 't', 0, 0, 0, 1, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff}, ErrMalformed},
		"-2 topics":                       {KeyProduce, 3, []byte{0xff, 0xff, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe}, ErrMalformed},
		"null topics":                     {KeyProduce, 3, []byte{0xff, 0xff, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff}, ErrMalformed},
		"null topics, compact":            {KeyProduce, 9, []byte{0, 0, 1, 0, 0, 0, 1, 0, 0}, ErrMalformed},
		"null name":                       {KeyProduce, 3, []byte{0xff, 0xff, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 0}, ErrMalformed},
		"null topics in Metadata v0":      {KeyMetadata, 0, array(-1), ErrMalformed},
		"null name before Metadata v10":   {KeyMetadata, 9, []byte{2, 0, 0, 0, 0, 0, 0}, ErrMalformed},
		"varint of six bytes":             {KeyMetadata, 9, []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0, 0, 0, 0, 0}, ErrMalformed},
		"varint above 32 bits":            {KeyMetadata, 9, []byte{0x80, 0x80, 0x80, 0x80, 0x10, 0, 0, 0, 0, 0}, ErrMalformed},
		"compact string of 32768 bytes":   {KeyAPIVersions, 3, append([]byte{0x81, 0x80, 0x02}, make([]byte, 40_000)...), ErrMalformed},
		"struct neither there nor null":   {KeyDescribeTopicPartitions, 0, []byte{1, 0, 0, 0, 1, 0xfe, 0}, ErrMalformed},
		"tag of a later version":          {KeyFetch, 12, fetchV12WithTag(1, make([]byte, 13)), ErrMalformed},
		"known tag that is too long":      {KeyFetch, 12, fetchV12WithTag(0, []byte{2, 'c', 0}), ErrMalformed},
		"known tag that is too short":     {KeyFetch, 12, fetchV12WithTag(0, []byte{3, 'c'}), ErrMalformed},
		"an API that Kafka does not have": {95, 0, nil, ErrUnknownAPI},
		"a negative key":                  {-1, 0, nil, ErrUnknownAPI},
		"a version too high":              {KeyProduce, 14, nil, ErrUnsupportedVersion},
		"a negative version":              {KeyProduce, -1, nil, ErrUnsupportedVersion},
	}
}

// fetchV12WithTag is an empty Fetch with one tagged field.
func fetchV12WithTag(tag byte, value []byte) []byte {
	req := kmsg.NewFetchRequest()
	req.Version = 12
	body := req.AppendTo(nil)
	body = append(body[:len(body)-1], 1, tag, byte(len(value)))
	return append(body, value...)
}

func TestHostileBodiesAreRefusedCheaply(t *testing.T) {
	for name, c := range hostile() {
		t.Run(name, func(t *testing.T) {
			h := RequestHeader{Key: c.key, Version: c.version}
			const most = 50 * time.Millisecond
			took := time.Hour
			for attempt := 0; attempt < 50 && took > most; attempt++ { // the least of some: others may be using the processor
				start := time.Now()
				_, err := DecodeRequest(h, c.body)
				took = min(took, time.Since(start))
				if !errors.Is(err, c.want) {
					t.Fatalf("want %v, got %v", c.want, err)
				}
			}
			if took > most && !raceEnabled {
				t.Errorf("took %v", took)
			}
			limit := uint64(16*len(c.body) + 64<<10)
			if got := allocated(limit, func() { _, _ = DecodeRequest(h, c.body) }); got > limit {
				t.Errorf("allocates %d, at most %d allowed", got, limit)
			}
		})
	}
}

// The worst that is let through: bodies of each request that are all empty elements,
// as many as the budget allows.
func TestNoAcceptedBodyCostsMoreThanSixteenTimesItsSize(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	f := filler{rng: rand.New(rand.NewPCG(9, 10)), elements: 2, text: 0, tags: 0.3}
	for key, version := range everyRequest() {
		for _, n := range []int{1, 5_000} {
			req := f.randomRequest(key, version)
			growFirstArray(reflect.ValueOf(req).Elem(), n)
			body := req.AppendTo(nil)
			h := RequestHeader{Key: key, Version: version}
			if _, err := DecodeRequest(h, body); err != nil {
				if !errors.Is(err, ErrTooCostly) {
					t.Fatal(err)
				}
				continue
			}
			limit := uint64(15*len(body) + 64<<10) // the body itself is the sixteenth
			if got := allocated(limit, func() { _, _ = DecodeRequest(h, body) }); got > limit {
				t.Errorf("%s v%d: %d bytes cost %d, at most %d allowed", APIName(key), version, len(body), got, limit)
			}
		}
	}
}

// Requests that real programs send in bulk are far below the bound on cost.
func TestGuardAcceptsLargeHonestRequests(t *testing.T) {
	metadata := kmsg.NewMetadataRequest()
	create := kmsg.NewCreateTopicsRequest()
	fetch := kmsg.NewFetchRequest()
	for i := range 50_000 {
		name := "t" + string(rune('a'+i%26))
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = &name
		metadata.Topics = append(metadata.Topics, topic)
		created := kmsg.NewCreateTopicsRequestTopic()
		created.Topic = name
		create.Topics = append(create.Topics, created)
		partition := kmsg.NewFetchRequestTopicPartition()
		fetched := kmsg.NewFetchRequestTopic()
		fetched.Topic = name
		fetched.Partitions = append(fetched.Partitions, partition)
		fetch.Topics = append(fetch.Topics, fetched)
	}
	for _, req := range []kmsg.Request{&metadata, &create, &fetch} {
		for version := int16(4); version <= req.MaxVersion(); version++ {
			req.SetVersion(version)
			if err := Guard(req.Key(), version, req.AppendTo(nil)); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestGuardAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	f := filler{rng: rand.New(rand.NewPCG(11, 12)), elements: 3, text: 20, tags: 0.05}
	for key, version := range everyRequest() {
		body := f.randomRequest(key, version).AppendTo(nil)
		if n := testing.AllocsPerRun(10, func() { _ = Guard(key, version, body) }); n != 0 {
			t.Errorf("%s v%d: %v allocations", APIName(key), version, n)
		}
	}
}

func TestGuardErrorsNameRequestAndPlace(t *testing.T) {
	err := Guard(KeyMetadata, 8, []byte{0x7f, 0xff, 0xff, 0xff, 0})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, part := range []string{"Metadata v8", "5 bytes", "byte 4"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not tell %q", err, part)
		}
	}
}
