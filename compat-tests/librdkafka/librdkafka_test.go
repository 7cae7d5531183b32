package librdkafka

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/install"
	"github.com/clatterhq/clatter/compat-tests/launch"
)

// versions are the oldest and the newest 0.11 that can be had as a library.
var versions = []string{"0.11.4", "0.11.6"}

// command is one of the programs of this folder with a version of the library.
func command(t *testing.T, version, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), install.Interpreter(t), append([]string{name}, args...)...)
	folder := filepath.Join(install.Wheel(t, "librdkafka/"+version+".txt"), "confluent_kafka", ".libs")
	cmd.Env = append(os.Environ(), "RDKAFKA_FOLDER="+folder, "PYTHONDONTWRITEBYTECODE=1")
	return cmd
}

// refusedByKafka skips what needs a consumer, which gets nowhere on Apache Kafka 4.4: it finds no offset to begin at and says "OffsetRequest failed: Local:
// Required feature not supported by broker" (-165, seen of 0.11.6), because ListOffsets 0, which is all that it knows, went with Kafka 4.0 (KIP-896).
func refusedByKafka(t *testing.T) {
	t.Helper()
	if brokertest.Kind() == launch.Kafka {
		t.Skip("Apache Kafka 4 has dropped ListOffsets 0, without which these consumers find no offset to begin at")
	}
}
