package java

import (
	"errors"
	"os/exec"
	"testing"

	"github.com/clatterhq/clatter/compat-tests/jars"
	"github.com/clatterhq/clatter/compat-tests/report"
	"github.com/clatterhq/clatter/compat-tests/txns"
)

// copierWith is the stock producer and consumer of the release whose jars are described by a POM.
func copierWith(t *testing.T, name string, pom []byte) txns.Client {
	t.Helper()
	classPath := compileWith(t.Context(), t, "src/TxnCopier.java", name, pom)
	java, err := jars.Java()
	if errors.Is(err, jars.ErrUnavailable) {
		report.Skip(t, "%v", err)
	}
	return txns.Client{Command: func(_ *testing.T, c txns.Copying) *exec.Cmd {
		args := []string{
			"-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", classPath, "TxnCopier",
		}
		return exec.Command(java, append(args, c.Args()...)...) //nolint:noctx // The scenario ends it.
	}}
}

// TestTransactions copies with the newest client, which knows version 2 of transactions, and with the newest one that does not.
func TestTransactions(t *testing.T) {
	t.Run("newest", func(t *testing.T) {
		t.Parallel()
		txns.Copy(t, copierWith(t, "kafka-clients", jars.ClientsPOM))
	})
	t.Run("3.9", func(t *testing.T) {
		t.Parallel()
		txns.Copy(t, copierWith(t, "kafka-clients-3.9", jars.OldClientsPOM))
	})
}

// TestTransactionsUnderKills is bar R14 with the Java client.
func TestTransactionsUnderKills(t *testing.T) {
	t.Parallel()
	txns.Soak(t, copierWith(t, "kafka-clients", jars.ClientsPOM))
}
