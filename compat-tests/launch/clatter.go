package launch

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// clatterRecipe starts the built binary.
type clatterRecipe struct{}

func (clatterRecipe) prepare(context.Context, *Broker) error {
	_, err := ClatterBinary()
	return err
}

func (clatterRecipe) command(b *Broker) (*exec.Cmd, error) {
	binary, err := ClatterBinary()
	if err != nil {
		return nil, err
	}
	args := append([]string{"serve"}, b.options.Args...)
	for _, setting := range b.settings(map[string]string{
		"listeners": "PLAINTEXT://" + b.Addr(),
		"log.dirs":  b.DataDir(),
	}) {
		args = append(args, "--override", setting)
	}
	return newCommand(binary, args...), nil
}

// ClatterBinary is the path of the binary under test: CLATTER_BIN, else bin/clatter of the repository.
func ClatterBinary() (string, error) {
	path := os.Getenv("CLATTER_BIN")
	if path == "" {
		_, here, _, ok := runtime.Caller(0)
		if !ok {
			return "", fmt.Errorf("%w: set CLATTER_BIN", ErrUnavailable)
		}
		path = filepath.Join(filepath.Dir(here), "..", "..", "bin", "clatter")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%w: run make build or set CLATTER_BIN: %w", ErrUnavailable, err)
	}
	return path, nil
}
