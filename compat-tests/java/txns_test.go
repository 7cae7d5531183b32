package java

import (
	"context"
	"os/exec"
	"testing"

	"github.com/clatterhq/clatter/compat-tests/install"
	"github.com/clatterhq/clatter/compat-tests/jars"
	"github.com/clatterhq/clatter/compat-tests/txns"
)

// copierWith is the stock producer and consumer of the release whose jars are described by a POM.
func copierWith(t *testing.T, name string, pom []byte) txns.Client {
	t.Helper()
	java := install.Java(t, name, pom)
	java.Compile(t, t.TempDir(), "src/TxnCopier.java")
	return txns.Client{Command: func(t *testing.T, c txns.Copying) *exec.Cmd {
		t.Helper()
		return java.Command(context.WithoutCancel(t.Context()), "128m", append([]string{"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "TxnCopier"}, c.Args()...)...)
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
