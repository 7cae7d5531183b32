package java

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/clatterhq/clatter/compat-tests/jars"
)

// goldenFrames are frames of every API and version, as the library encodes them that the broker is made with.
var goldenFrames = filepath.Join("..", "..", "wire", "testdata", "golden")

// TestGoldenFramesAreKafkas has Kafka's own classes read the frames, to the last byte, and write the same bytes.
func TestGoldenFramesAreKafkas(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	classPath := compile(ctx, t, filepath.Join("src", "GoldenFrames.java"))
	java, err := jars.Java()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, java, "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", classPath, "GoldenFrames", goldenFrames)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	apis, failed := follow(ctx, t, nil, stdout, nil)
	if err := cmd.Wait(); err != nil && !failed {
		t.Errorf("java: %v", err)
	}
	files, err := filepath.Glob(filepath.Join(goldenFrames, "*.txt"))
	if err != nil || apis != len(files) {
		t.Errorf("%d APIs of %d files, %v", apis, len(files), err)
	}
}
