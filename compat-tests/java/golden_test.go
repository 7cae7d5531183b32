package java

import (
	"context"
	"path/filepath"
	"testing"
	"time"
)

// goldenFrames are frames of every API and version, as the library encodes them that the broker is made with.
var goldenFrames = filepath.Join("..", "..", "wire", "testdata", "golden")

// TestGoldenFramesAreKafkas has Kafka's own classes read the frames, to the last byte, and write the same bytes.
func TestGoldenFramesAreKafkas(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := compile(t, "src/GoldenFrames.java").Command(ctx, "256m", "GoldenFrames", goldenFrames)
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
