package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// kmsgModule is the module whose decoder is guarded.
const kmsgModule = "github.com/twmb/franz-go/pkg/kmsg"

func main() {
	out := flag.String("o", "guard_gen.go", "file to write")
	flag.Parse()
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, "guardgen:", err)
		os.Exit(1)
	}
}

// run generates the tables and writes them to a file.
func run(out string) error {
	source, err := generate()
	if err != nil {
		return err
	}
	return os.WriteFile(out, source, 0o644)
}

// generate makes the tables from the kmsg that this module pins.
func generate() ([]byte, error) {
	dir, version, err := findKmsg()
	if err != nil {
		return nil, err
	}
	requests, err := parseRequests(filepath.Join(dir, "generated.go"))
	if err != nil {
		return nil, err
	}
	if err := restrictTags(requests); err != nil {
		return nil, err
	}
	return emit(requests, version)
}

// findKmsg asks the go command for the folder and version of kmsg.
func findKmsg() (dir, version string, err error) {
	out, err := exec.CommandContext(context.Background(), "go", "list", "-m", "-f", "{{.Dir}} {{.Version}}", kmsgModule).Output()
	if err != nil {
		return "", "", fmt.Errorf("find %s: %w", kmsgModule, err)
	}
	dir, version, ok := strings.Cut(strings.TrimSpace(string(out)), " ")
	if !ok || dir == "" {
		return "", "", fmt.Errorf("find %s: the module is not downloaded", kmsgModule)
	}
	return dir, version, nil
}
