package wire

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

var rewrite = flag.Bool("rewrite", false, "write testdata/golden anew")

// frameLine is one line of a file of frames.
type frameLine struct {
	request bool
	api     string
	key     int16
	version int16
	frame   []byte // with its size prefix
}

// readFrames reads the files of frames that a pattern matches.
func readFrames(tb testing.TB, pattern string) []frameLine {
	tb.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		tb.Fatalf("no file like %s: %v", pattern, err)
	}
	var out []frameLine
	for _, path := range paths {
		for _, line := range dataLines(tb, path) {
			var direction, digits string
			var f frameLine
			if _, err := fmt.Sscan(line, &direction, &f.api, &f.version, &digits); err != nil {
				tb.Fatalf("%s: %v", path, err)
			}
			f.request = direction == "request"
			if f.frame, err = hex.DecodeString(digits); err != nil {
				tb.Fatalf("%s: %v", path, err)
			}
			for f.key = 0; APIName(f.key) != f.api; f.key++ {
				if f.key > maxKey {
					tb.Fatalf("%s: no API %s", path, f.api)
				}
			}
			out = append(out, f)
		}
	}
	return out
}

// goldenMessages makes a request and a response with some content in every field. What they hold is
// drawn from key and version, so it never changes.
func goldenMessages(key, version int16) (kmsg.Request, kmsg.Response) {
	f := filler{rng: rand.New(rand.NewPCG(uint64(key), uint64(version))), elements: 2, text: 6}
	req := f.randomRequest(key, version)
	resp := req.ResponseKind()
	f.fill(reflect.ValueOf(resp).Elem())
	resp.SetVersion(version)
	switch r := resp.(type) { // tagged fields that kmsg writes in every flexible version
	case *kmsg.ProduceResponse:
		if version < 10 {
			r.Brokers = nil
			for t := range r.Topics {
				for p := range r.Topics[t].Partitions {
					r.Topics[t].Partitions[p].CurrentLeader = kmsg.NewProduceResponseTopicPartitionCurrentLeader()
				}
			}
		}
	case *kmsg.FetchResponse:
		if version < 16 {
			r.Brokers = nil
		}
		for t := range r.Topics { // null records, which no broker sends
			for p := range r.Topics[t].Partitions {
				if r.Topics[t].Partitions[p].RecordBatches == nil {
					r.Topics[t].Partitions[p].RecordBatches = []byte{}
				}
			}
		}
	}
	return req, resp
}

// goldenFile is the golden content for one API.
func goldenFile(api API) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "# %s as franz-go's kmsg v1.15.0 encodes it, with random content: direction, API, version, the whole frame.\n", api.Name)
	fmt.Fprintf(&out, "# Written by go test ./wire -run Golden -rewrite.\n")
	for version := api.MinVersion; version <= api.MaxVersion; version++ {
		req, resp := goldenMessages(api.Key, version)
		frame := kmsg.NewRequestFormatter(kmsg.FormatterClientID("golden")).AppendRequest(nil, req, 7)
		fmt.Fprintf(&out, "request %s %d %x\n", api.Name, version, frame)
		fmt.Fprintf(&out, "response %s %d %x\n", api.Name, version, AppendResponse(nil, 7, resp))
	}
	return out.Bytes()
}

func TestGoldenFramesAreUnchanged(t *testing.T) {
	for _, api := range APIs() {
		path := filepath.Join("testdata", "golden", fmt.Sprintf("%02d-%s.txt", api.Key, api.Name))
		want := goldenFile(api)
		if *rewrite {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs; see it with -rewrite and git diff", path)
		}
	}
}

func TestGoldenFramesDecode(t *testing.T) {
	for _, f := range readFrames(t, "testdata/golden/*.txt") {
		checkFrame(t, f)
	}
}

// What real programs send and what Apache Kafka answers is decoded, and encoded again
// to the same bytes.
func TestCapturedFramesDecode(t *testing.T) {
	for _, f := range readFrames(t, "testdata/captured/*.txt") {
		checkFrame(t, f)
	}
}

func checkFrame(t *testing.T, f frameLine) {
	t.Helper()
	frame, err := ReadFrame(bytes.NewReader(f.frame), nil, 1<<20)
	if err != nil {
		t.Fatalf("%s v%d: %v", f.api, f.version, err)
	}
	if !f.request {
		checkResponseFrame(t, f, frame)
		return
	}
	h, body, err := ParseRequestHeader(frame)
	if err != nil {
		t.Errorf("%s v%d: %v", f.api, f.version, err)
		return
	}
	if h.Key != f.key || h.Version != f.version {
		t.Errorf("%s v%d: header %+v", f.api, f.version, h)
	}
	req, err := DecodeRequest(h, body)
	if err != nil {
		t.Errorf("%s v%d: %v", f.api, f.version, err)
		return
	}
	if again := req.AppendTo(nil); !bytes.Equal(again, body) {
		t.Errorf("%s v%d: decoded and encoded again\n%x becomes\n%x", f.api, f.version, body, again)
	}
}

func checkResponseFrame(t *testing.T, f frameLine, frame []byte) {
	t.Helper()
	resp := kmsg.ResponseForKey(f.key)
	resp.SetVersion(f.version)
	correlationID := int32(frame[0])<<24 | int32(frame[1])<<16 | int32(frame[2])<<8 | int32(frame[3])
	header := AppendResponseHeader(nil, f.key, f.version, correlationID)
	if !bytes.HasPrefix(frame, header) {
		t.Errorf("%s v%d: header %x, want %x", f.api, f.version, frame[:8], header)
		return
	}
	if err := resp.ReadFrom(frame[len(header):]); err != nil {
		t.Errorf("%s v%d: %v", f.api, f.version, err)
		return
	}
	if again := AppendResponse(nil, correlationID, resp); !bytes.Equal(again, f.frame) {
		t.Errorf("%s v%d: decoded and encoded again\n%x becomes\n%x", f.api, f.version, f.frame, again)
	}
	if fetch, ok := resp.(*kmsg.FetchResponse); ok {
		encoded, err := fromKmsg(fetch).Encode(nil, correlationID)
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := encoded.AppendTo(nil); !bytes.Equal(again, f.frame) {
			t.Errorf("%s v%d: %x becomes %x", f.api, f.version, f.frame, again)
		}
	}
}

// fromKmsg makes our fetch response of kmsg's.
func fromKmsg(k *kmsg.FetchResponse) *FetchResponse {
	r := &FetchResponse{
		Version: k.Version, ThrottleMillis: k.ThrottleMillis, ErrorCode: ErrorCode(k.ErrorCode), SessionID: k.SessionID,
	}
	for _, kt := range k.Topics {
		t := FetchTopic{Topic: kt.Topic, TopicID: kt.TopicID}
		for _, kp := range kt.Partitions {
			p := FetchPartition{
				Partition: kp.Partition, ErrorCode: ErrorCode(kp.ErrorCode), HighWatermark: kp.HighWatermark,
				LastStableOffset: kp.LastStableOffset, LogStartOffset: kp.LogStartOffset,
				PreferredReadReplica: kp.PreferredReadReplica, HasPreferredReadReplica: true,
				DivergingEpoch: &EpochEnd{kp.DivergingEpoch.Epoch, kp.DivergingEpoch.EndOffset},
				CurrentLeader:  &LeaderAndEpoch{kp.CurrentLeader.LeaderID, kp.CurrentLeader.LeaderEpoch},
				SnapshotID:     &EpochEnd{kp.SnapshotID.Epoch, kp.SnapshotID.EndOffset},
				Records:        &memoryRecords{data: kp.RecordBatches},
			}
			if kp.AbortedTransactions != nil {
				p.AbortedTransactions = []AbortedTransaction{}
			}
			for _, a := range kp.AbortedTransactions {
				p.AbortedTransactions = append(p.AbortedTransactions, AbortedTransaction{a.ProducerID, a.FirstOffset})
			}
			t.Partitions = append(t.Partitions, p)
		}
		r.Topics = append(r.Topics, t)
	}
	for _, b := range k.Brokers {
		r.NodeEndpoints = append(r.NodeEndpoints, NodeEndpoint{b.NodeID, b.Host, b.Port, b.Rack})
	}
	return r
}

// Every served API and version has a golden frame in both directions.
func TestGoldenFramesCoverTheTable(t *testing.T) {
	have := make(map[string]bool)
	for _, f := range readFrames(t, "testdata/golden/*.txt") {
		have[fmt.Sprint(f.request, f.key, f.version)] = true
	}
	var missing []string
	for _, api := range APIs() {
		for version := api.MinVersion; version <= api.MaxVersion; version++ {
			for _, request := range []bool{true, false} {
				if !have[fmt.Sprint(request, api.Key, version)] {
					missing = append(missing, fmt.Sprintf("%s v%d", api.Name, version))
				}
			}
		}
	}
	if len(missing) > 0 {
		t.Errorf("missing: %s", strings.Join(missing, ", "))
	}
}
