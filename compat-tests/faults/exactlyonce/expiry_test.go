package exactlyonce

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/faults/txnclient"
	"github.com/clatterhq/clatter/compat-tests/install"
	"github.com/clatterhq/clatter/compat-tests/jars"
	"github.com/clatterhq/clatter/compat-tests/launch"
)

// idleLimit bounds how long it takes a broker to forget a producer.
const idleLimit = 60 * time.Second

// TestIdleProducersResume is anomaly A4 (pid-expiry): producers that write again when the broker has forgotten them (producer.id.expiration.ms
// is FAULT_PRODUCER_EXPIRY_MS, a second by default) must be let go on: every record once and in order, and no error.
//
// Negative control: the test itself waits until DescribeProducers names nobody; a broker that knew them would prove nothing.
func TestIdleProducersResume(t *testing.T) {
	t.Parallel()
	broker := startBroker(t, map[string]string{"producer.id.expiration.ms": strconv.Itoa(brokertest.Setting(t, "FAULT_PRODUCER_EXPIRY_MS", 1000)), "producer.id.expiration.check.interval.ms": "250"})
	client := newClient(t, broker.Addr())
	for name, start := range map[string]func(ctx context.Context, t *testing.T, broker *launch.Broker, topic string) idler{
		"franz": franzIdler, "librdkafka": librdkafkaIdler, "java": javaIdler, "transactions-1": transactionIdler(1), "transactions-2": transactionIdler(2),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Behind Parallel: its turn may come after minutes, when other tests are done.
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			topic := "idle-" + name
			prepare(ctx, t, client, topic, 1, nil)
			p := start(ctx, t, broker, topic)
			var want []string
			for round := range 2 {
				for range 10 {
					want = append(want, fmt.Sprint(len(want)))
				}
				if err := p.write(want[len(want)-10:]); err != nil {
					t.Fatalf("round %d: %v", round, err)
				}
				awaitCount(ctx, t, client, topic, int64(len(want)))
				await(ctx, t, idleLimit, "the producer is forgotten", func() error {
					all, err := kadm.NewClient(client).DescribeProducers(ctx, kadm.TopicsSet{topic: {0: {}}})
					if err != nil {
						return err
					}
					if err := all[topic].Partitions[0].Err; err != nil {
						return err
					}
					if n := len(all.SortedProducers()); n != 0 {
						return fmt.Errorf("%d producers", n)
					}
					return nil
				})
			}
			if err := p.end(); err != nil {
				t.Error(err)
			}
			var got []string
			for _, r := range readTopic(ctx, t, broker.Addr(), topic, true)[0] {
				got = append(got, r.value)
			}
			if strings.Join(got, " ") != strings.Join(want, " ") {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}

// awaitCount waits until so many records are there; control records count as nothing.
func awaitCount(ctx context.Context, t *testing.T, client *kgo.Client, topic string, count int64) {
	t.Helper()
	await(ctx, t, idleLimit, "records are there", func() error {
		ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
		if err := errors.Join(err, ends.Error()); err != nil {
			return err
		}
		if end := ends[topic][0].Offset; end < count {
			return fmt.Errorf("%d of %d", end, count)
		}
		return nil
	})
}

// idler is a producer that writes, and writes again.
type idler struct {
	write func(values []string) error
	end   func() error
}

func franzIdler(ctx context.Context, t *testing.T, broker *launch.Broker, topic string) idler {
	t.Helper()
	client := newClient(t, broker.Addr(), kgo.DefaultProduceTopic(topic), kgo.StopProducerOnDataLossDetected())
	return idler{
		write: func(values []string) error {
			var all []*kgo.Record
			for _, v := range values {
				all = append(all, kgo.StringRecord(v))
			}
			return client.ProduceSync(ctx, all...).FirstErr()
		},
		end: func() error { return nil },
	}
}

func transactionIdler(version int) func(ctx context.Context, t *testing.T, broker *launch.Broker, topic string) idler {
	return func(ctx context.Context, t *testing.T, broker *launch.Broker, topic string) idler {
		t.Helper()
		codes := &txnclient.Codes{}
		p := txnclient.New(txnclient.Settings{Addr: broker.Addr(), ID: topic, Version: version, Codes: codes})
		t.Cleanup(p.Close)
		if err := p.Init(ctx); err != nil {
			t.Fatal(err)
		}
		return idler{
			write: func(values []string) error {
				var all []txnclient.Record
				for _, v := range values {
					all = append(all, txnclient.Record{Value: v})
				}
				return errors.Join(p.Send(ctx, partition(topic, 0), all...), p.Commit(ctx))
			},
			end: func() error { noSurprises(t, codes); return nil },
		}
	}
}

// commandIdler is a program that produces the lines of its standard input.
func commandIdler(t *testing.T, cmd *exec.Cmd) idler {
	t.Helper()
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	launch.DieWithParent(cmd)
	stdin, err := cmd.StdinPipe()
	if err := errors.Join(err, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	return idler{
		write: func(values []string) error {
			_, err := io.WriteString(stdin, strings.Join(values, "\n")+"\n")
			return err
		},
		end: func() error {
			err := errors.Join(stdin.Close(), cmd.Wait())
			text := strings.ToUpper(output.String())
			for _, word := range []string{"OUT_OF_ORDER", "OUTOFORDER", "UNKNOWN_PRODUCER", "ERROR WHEN SENDING", "DELIVERY FAILED"} {
				if strings.Contains(text, word) {
					err = errors.Join(err, errors.New(output.String()))
				}
			}
			return err
		},
	}
}

func librdkafkaIdler(ctx context.Context, t *testing.T, broker *launch.Broker, topic string) idler {
	t.Helper()
	python := install.Python(t, "confluent")
	return commandIdler(t, exec.CommandContext(ctx, python, filepath.Join("..", "..", "confluent", "lines.py"), broker.Addr(), topic))
}

func javaIdler(ctx context.Context, t *testing.T, broker *launch.Broker, topic string) idler {
	t.Helper()
	jvm := install.Java(t, "kafka-tools", jars.ToolsPOM)
	return commandIdler(t, jvm.Command(ctx, "128m",
		"org.apache.kafka.tools.ConsoleProducer", "--bootstrap-server", broker.Addr(), "--topic", topic, "--command-property", "linger.ms=2"))
}
