package jars

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// BrokerPOM describes the jars of an Apache Kafka broker.
//
//go:embed broker-pom.xml
var BrokerPOM []byte

// ClientsPOM describes the jars of the stock Java client.
//
//go:embed clients-pom.xml
var ClientsPOM []byte

// OldClientsPOM describes those of the newest release that does not know version 2 of transactions.
//
//go:embed old-clients-pom.xml
var OldClientsPOM []byte

// ToolsPOM describes the jars of Kafka's command-line tools.
//
//go:embed tools-pom.xml
var ToolsPOM []byte

// StreamsPOM describes the jars of Kafka Streams.
//
//go:embed streams-pom.xml
var StreamsPOM []byte

// ConnectPOM describes the jars of a worker of Kafka Connect.
//
//go:embed connect-pom.xml
var ConnectPOM []byte

// Java returns the path of the java program: that of JAVA_HOME where set, else the one on PATH.
func Java() (string, error) {
	if home := os.Getenv("JAVA_HOME"); home != "" {
		path := filepath.Join(home, "bin", "java")
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	path, err := exec.LookPath("java")
	if err != nil {
		return "", fmt.Errorf("%w: no java on PATH and no JAVA_HOME: %w", ErrUnavailable, err)
	}
	return path, nil
}

// Javac returns the path of the compiler that belongs to [Java].
func Javac() (string, error) {
	if home := os.Getenv("JAVA_HOME"); home != "" {
		path := filepath.Join(home, "bin", "javac")
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	path, err := exec.LookPath("javac")
	if err != nil {
		return "", fmt.Errorf("%w: no javac on PATH and no JAVA_HOME: %w", ErrUnavailable, err)
	}
	return path, nil
}

// Resolve returns the folder that holds all jars which pom names as dependencies, resolving them on first use (seconds
// to a minute). Pass the folder to java as -cp FOLDER/*. The name only makes the cache folder readable.
func Resolve(ctx context.Context, name string, pom []byte) (string, error) {
	if _, err := Java(); err != nil {
		return "", err
	}
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(pom)
	dir := filepath.Join(cache, name+"-"+hex.EncodeToString(sum[:6]))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	return dir, resolveInto(ctx, cache, dir, pom)
}

// resolveInto runs Maven in a temporary folder beside dir and renames the complete result to dir.
func resolveInto(ctx context.Context, cache, dir string, pom []byte) error {
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return fmt.Errorf("%w: no mvn on PATH: %w", ErrUnavailable, err)
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return fmt.Errorf("create jar cache: %w", err)
	}
	work, err := os.MkdirTemp(cache, "resolving-")
	if err != nil {
		return fmt.Errorf("create jar cache: %w", err)
	}
	defer os.RemoveAll(work) //nolint:errcheck // A left-over temporary folder in a cache harms nobody.
	pomPath := filepath.Join(work, "pom.xml")
	if err := os.WriteFile(pomPath, pom, 0o600); err != nil {
		return fmt.Errorf("write pom: %w", err)
	}
	out := filepath.Join(work, "jars")
	cmd := exec.CommandContext(ctx, mvn, "-q", "-B", "-f", pomPath, "-DoutputDirectory="+out, "dependency:copy-dependencies")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: maven: %w: %s", ErrUnavailable, err, lastLines(string(text), 6))
	}
	if err := os.Rename(out, dir); err != nil {
		if _, statErr := os.Stat(dir); statErr == nil {
			return nil // Another process was faster; its result is the same.
		}
		return fmt.Errorf("publish jars: %w", err)
	}
	return nil
}

// cacheDir is COMPAT_CACHE where set, else a folder of the user's cache folder.
func cacheDir() (string, error) {
	if dir := os.Getenv("COMPAT_CACHE"); dir != "" {
		return dir, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("%w: no cache folder: %w", ErrUnavailable, err)
	}
	return filepath.Join(dir, "clatter-compat"), nil
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
