package main

import (
	"errors"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clatterhq/clatter/broker/config"
)

// TestSignalDuringTheStartEndsIt has it there before the start, and starts again after it.
func TestSignalDuringTheStartEndsIt(t *testing.T) {
	dir := t.TempDir()
	static, err := config.Load(config.Sources{Overrides: []string{listeners("127.0.0.1:0"), "log.dirs=" + dir}})
	if err != nil {
		t.Fatal(err)
	}
	logs, signals := new(output), make(chan os.Signal, 2)
	signals <- syscall.SIGTERM
	p := process{stdout: logs, stderr: logs}
	if code := p.runNode(static, false, signals); code != exitOK {
		t.Errorf("the start ended with %d:\n%s", code, logs)
	}
	runTestNode(t, dir)
}

func TestSecondSignalEndsAStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signals := make(chan os.Signal, 2)
		go func() {
			time.Sleep(sameSignal)
			signals <- syscall.SIGINT
		}()
		second, err := awaitStop(make(chan error), signals)
		if second != syscall.SIGINT || err != nil {
			t.Errorf("%v, %v", second, err)
		}
	})
}

// TestSignalToProcessAndGroupIsOne: what timeout(1) sends doesn't end a stop.
func TestSignalToProcessAndGroupIsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signals, stopped := make(chan os.Signal, 2), make(chan error, 1)
		signals <- syscall.SIGTERM
		failed := errors.New("not clean")
		go func() {
			time.Sleep(time.Second)
			stopped <- failed
		}()
		second, err := awaitStop(stopped, signals)
		if second != nil || !errors.Is(err, failed) {
			t.Errorf("%v, %v", second, err)
		}
	})
}
