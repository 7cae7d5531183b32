package kcat

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/launch"
	"github.com/clatterhq/clatter/compat-tests/report"
)

// timeLimit bounds one call of kcat.
const timeLimit = 90 * time.Second

var codecs = []string{"none", "gzip", "snappy", "lz4", "zstd"}

// client runs kcat against one broker.
type client struct {
	t      *testing.T
	broker *launch.Broker
}

func start(t *testing.T, overrides map[string]string) client {
	t.Helper()
	if _, err := exec.LookPath("kcat"); err != nil {
		report.Skip(t, "kcat is not installed: %v", err)
	}
	return client{t: t, broker: brokertest.Start(t, overrides)}
}

// try runs kcat and returns its outputs and its error.
func (c client) try(stdin string, args ...string) (stdout, stderr string, err error) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), timeLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "kcat", append([]string{"-b", c.broker.Addr()}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// run runs kcat, which must succeed, and returns what it printed.
func (c client) run(stdin string, args ...string) string {
	c.t.Helper()
	out, errs, err := c.try(stdin, args...)
	if err != nil {
		c.t.Fatalf("kcat %s: %v\n%s", strings.Join(args, " "), err, errs)
	}
	return out
}

// consume reads a topic from the beginning to its end in the given format.
func (c client) consume(topic, format string, more ...string) string {
	c.t.Helper()
	return c.run("", append([]string{"-C", "-t", topic, "-o", "beginning", "-e", "-q", "-f", format}, more...)...)
}

func expect(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

func TestListsBrokersAndTopics(t *testing.T) {
	c := start(t, map[string]string{"num.partitions": "3"})
	c.run("x\n", "-P", "-t", "listed")
	text := c.run("", "-L")
	for _, want := range []string{"1 brokers:", "at " + c.broker.Addr(), `topic "listed" with 3 partitions`, "leader 1"} {
		if !strings.Contains(text, want) {
			t.Errorf("kcat -L doesn't say %q:\n%s", want, text)
		}
	}
	var listing struct {
		Brokers []struct{ Name string }
		Topics  []struct {
			Topic      string
			Partitions []struct{ Partition, Leader int }
		}
	}
	if err := json.Unmarshal([]byte(c.run("", "-L", "-J", "-t", "listed")), &listing); err != nil {
		t.Fatal(err)
	}
	if len(listing.Brokers) != 1 || listing.Brokers[0].Name != c.broker.Addr() || len(listing.Topics) != 1 || len(listing.Topics[0].Partitions) != 3 {
		t.Errorf("kcat -L -J: %+v", listing)
	}
}

// TestMillionLinesComeBack writes a text file of a million lines with each codec and compares what comes back.
func TestMillionLinesComeBack(t *testing.T) {
	c := start(t, nil)
	path := filepath.Join(t.TempDir(), "lines.txt")
	want := writeLines(t, path, 1_000_000)
	for _, codec := range codecs {
		t.Run(codec, func(t *testing.T) {
			c := client{t: t, broker: c.broker}
			topic := "million-" + codec
			c.run("", "-P", "-t", topic, "-z", codec, "-l", path, "-X", "queue.buffering.max.messages=1000000", "-X", "queue.buffering.max.kbytes=1048576")
			got := c.run("", "-C", "-t", topic, "-o", "beginning", "-e", "-q")
			if sha256.Sum256([]byte(got)) != want {
				t.Errorf("%d bytes came back, and they are not what was written", len(got))
			}
		})
	}
}

// writeLines writes n distinct lines and returns the digest of the file.
func writeLines(t *testing.T, path string, n int) [32]byte {
	t.Helper()
	var text bytes.Buffer
	for i := range n {
		fmt.Fprintf(&text, "line %d of a text that compresses somewhat, %x\n", i, uint32(i)*2654435761)
	}
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(text.Bytes())
}

func TestKeysHeadersTombstones(t *testing.T) {
	c := start(t, nil)
	for _, codec := range codecs {
		topic := "keys-" + codec
		c.run("k1:v1\nk2:v2\n", "-P", "-t", topic, "-z", codec, "-K", ":", "-H", "a=1", "-H", "b=two")
		c.run("k1:\n", "-P", "-t", topic, "-z", codec, "-K", ":", "-Z")
		c.run("only value\n", "-P", "-t", topic, "-z", codec)
		expect(t, c.consume(topic, "%o %k %K %s %S %h\n"), "0 k1 2 v1 2 a=1,b=two\n1 k2 2 v2 2 a=1,b=two\n2 k1 2  -1 \n3  -1 only value 10 \n")
	}
}

func TestPartitionsAndOffsets(t *testing.T) {
	c := start(t, map[string]string{"num.partitions": "4"})
	for p := range 4 {
		c.run(fmt.Sprintf("a%d\nb%d\nc%d\n", p, p, p), "-P", "-t", "parts", "-p", strconv.Itoa(p))
	}
	expect(t, c.run("", "-C", "-t", "parts", "-p", "2", "-o", "beginning", "-e", "-q", "-f", "%p/%o=%s "), "2/0=a2 2/1=b2 2/2=c2 ")
	expect(t, c.run("", "-C", "-t", "parts", "-p", "2", "-o", "1", "-e", "-q", "-f", "%o=%s "), "1=b2 2=c2 ")
	expect(t, c.run("", "-C", "-t", "parts", "-p", "3", "-o", "-1", "-e", "-q", "-f", "%o=%s "), "2=c3 ")
	expect(t, c.run("", "-C", "-t", "parts", "-p", "0", "-o", "beginning", "-c", "2", "-q", "-f", "%o=%s "), "0=a0 1=b0 ")
	expect(t, c.run("", "-C", "-t", "parts", "-p", "1", "-o", "end", "-e", "-q", "-f", "%o=%s "), "")
}

func TestQueriesOffsetsByTime(t *testing.T) {
	c := start(t, nil)
	c.run("first\n", "-P", "-t", "times")
	between := time.Now().Add(10 * time.Millisecond)
	<-time.After(time.Until(between.Add(10 * time.Millisecond)))
	c.run("second\n", "-P", "-t", "times")
	middle := strconv.FormatInt(between.UnixMilli(), 10)
	expect(t, c.run("", "-Q", "-t", "times:0:"+middle), "times [0] offset 1\n")
	expect(t, c.run("", "-Q", "-t", "times:0:0"), "times [0] offset 0\n")
	expect(t, c.run("", "-Q", "-t", "times:0:-1"), "times [0] offset 2\n")
	expect(t, c.run("", "-Q", "-t", "times:0:-2"), "times [0] offset 0\n")
	expect(t, c.run("", "-C", "-t", "times", "-o", "s@"+middle, "-e", "-q", "-f", "%s "), "second ")
	expect(t, c.run("", "-C", "-t", "times", "-o", "s@0", "-o", "e@"+middle, "-e", "-q", "-f", "%s "), "first ")
}

func TestLargeAndTooLargeMessages(t *testing.T) {
	c := start(t, nil)
	file := filepath.Join(t.TempDir(), "large")
	write := func(size int) {
		if err := os.WriteFile(file, bytes.Repeat([]byte("x"), size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(1_000_000)
	c.run("", "-P", "-t", "large", "-X", "message.max.bytes=20000000", file)
	write(5_000_000)
	_, stderr, err := c.try("", "-P", "-t", "large", "-X", "message.max.bytes=20000000", file)
	if err == nil || !strings.Contains(stderr, "Message size too large") {
		t.Errorf("a message over message.max.bytes: %v, %s", err, stderr)
	}
	expect(t, c.consume("large", "%o %S\n", "-X", "fetch.message.max.bytes=20000"), "0 1000000\n")
}

func TestAcknowledgements(t *testing.T) {
	c := start(t, nil)
	var lines strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&lines, "line %d\n", i)
	}
	for _, setting := range []string{"acks=0", "acks=1", "acks=all", "enable.idempotence=true"} {
		t.Run(setting, func(t *testing.T) {
			c := client{t: t, broker: c.broker}
			topic := "acks-" + strings.ReplaceAll(setting, "=", "-")
			c.run("create\n", "-P", "-t", topic) // with acks=0 nobody would notice a topic that isn't there yet
			c.run(lines.String(), "-P", "-t", topic, "-X", setting)
			if setting == "acks=0" || setting == "acks=1" {
				awaitEnd(t, c, topic, 10_001)
			}
			expect(t, c.consume(topic, "%s\n"), "create\n"+lines.String())
		})
	}
}

// awaitEnd waits until a topic's only partition ends at the offset: acks=0 and acks=1 don't wait for what consumers wait for.
func awaitEnd(t *testing.T, c client, topic string, offset int) {
	t.Helper()
	want := fmt.Sprintf("%s [0] offset %d\n", topic, offset)
	deadline := time.Now().Add(time.Minute)
	for got := ""; got != want; got = c.run("", "-Q", "-t", topic+":0:-1") {
		if time.Now().After(deadline) {
			t.Fatalf("end of the log: %s", got)
		}
	}
}

func TestUnknownTopicAndPartition(t *testing.T) {
	c := start(t, map[string]string{"auto.create.topics.enable": "false"})
	_, stderr, err := c.try("", "-C", "-t", "nowhere", "-e", "-q")
	if err == nil || !strings.Contains(stderr, "Unknown topic or partition") {
		t.Errorf("an unknown topic: %v, %s", err, stderr)
	}
}

// TestOldClientVersions makes librdkafka speak as it did to brokers of 2016 to 2018.
func TestOldClientVersions(t *testing.T) {
	c := start(t, nil)
	for _, version := range []string{"0.11.0.0", "1.0.0", "2.0.0"} {
		topic := "old-" + version
		c.run("one\ntwo\n", "-P", "-t", topic, "-z", "lz4", "-X", "broker.version.fallback="+version)
		expect(t, c.consume(topic, "%s ", "-X", "broker.version.fallback="+version), "one two ")
	}
}
