package kafkapython

import (
	"os/exec"
	"testing"

	"github.com/clatterhq/clatter/compat-tests/install"
	"github.com/clatterhq/clatter/compat-tests/txns"
)

func TestTransactions(t *testing.T) {
	python := install.Python(t, "kafkapython")
	txns.Copy(t, txns.Client{Command: func(_ *testing.T, c txns.Copying) *exec.Cmd {
		return exec.CommandContext(t.Context(), python, append([]string{"copier.py"}, c.Args()...)...)
	}})
}
