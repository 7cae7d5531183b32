package brokertest

import (
	"context"
	"errors"
	"flag"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/clatterhq/clatter/compat-tests/launch"
	"github.com/clatterhq/clatter/compat-tests/report"
)

// kind is a flag of every test binary that imports this package.
var kind = flag.String("broker", os.Getenv("COMPAT_BROKER"), "kind of broker to test: clatter or kafka")

// Kind is the kind of broker that this run tests.
func Kind() launch.Kind {
	if *kind == "" {
		return launch.Clatter
	}
	return launch.Kind(*kind)
}

// Start starts a broker of the run's kind for one test. Overrides are keys of server.properties.
func Start(tb testing.TB, overrides map[string]string) *launch.Broker {
	tb.Helper()
	return StartWith(tb, launch.Options{Kind: Kind(), Overrides: overrides})
}

// StartWith starts a broker for one test with all of launch's options.
func StartWith(tb testing.TB, options launch.Options) *launch.Broker {
	tb.Helper()
	b, err := launch.Start(context.Background(), options)
	if errors.Is(err, launch.ErrUnavailable) {
		report.Skip(tb, "%v", err)
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if tb.Failed() {
			log := b.Log()
			tb.Logf("log of %s:\n%s", b.Kind(), log[max(0, len(log)-8192):])
		}
		if err := b.Close(); err != nil {
			tb.Errorf("close broker: %v", err)
		}
	})
	return b
}

// FreeAddr is an address on 127.0.0.1 that is this test's until it ends, for what listens there without the launcher.
func FreeAddr(tb testing.TB) string {
	tb.Helper()
	port, err := launch.ReservePort(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := port.Close(); err != nil {
			tb.Errorf("give back a port: %v", err)
		}
	})
	return port.Addr()
}

// Client is a client of a broker, with more options, which is closed when the test is over. It sees soon what was made a moment ago.
func Client(tb testing.TB, addr string, options ...kgo.Opt) *kgo.Client {
	tb.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(addr), kgo.MetadataMinAge(100 * time.Millisecond)}, options...)...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(client.Close)
	return client
}

// Setting is a positive number that makes a test long or short: short, or what an environment variable says for its full form (soak.sh).
func Setting(tb testing.TB, variable string, short int) int {
	tb.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return short
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		tb.Fatalf("%s: %q is no positive number", variable, text)
	}
	return n
}
