package main

import (
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/clatterhq/clatter/broker/config"
)

// TestWhatTheStartNeededIsGivenBackWhenNobodyIsConnected does so once, with and without a client.
func TestWhatTheStartNeededIsGivenBackWhenNobodyIsConnected(t *testing.T) {
	for name, clients := range map[string]int{"no client came": 0, "the last client has gone": 2} {
		t.Run(name, func(t *testing.T) {
			static, err := config.Load(config.Sources{Overrides: []string{listeners("127.0.0.1:0"), "log.dirs=" + t.TempDir()}})
			if err != nil {
				t.Fatal(err)
			}
			released := make(chan struct{}, 3)
			n, err := startNode(t.Context(), static, nodeOptions{logs: io.Discard, release: func() error {
				released <- struct{}{}
				return nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			signals, ended := make(chan os.Signal, 1), make(chan error, 1)
			n.serve()
			go func() {
				_, err := n.awaitSignal(t.Context(), signals)
				ended <- err
			}()
			for range clients {
				c, err := new(net.Dialer).DialContext(t.Context(), "tcp", n.server.Bound()[0].Addr.String())
				if err != nil {
					t.Fatal(err)
				}
				c.Close()
			}
			select {
			case <-released:
			case <-time.After(20 * time.Second):
				t.Error("nothing is given back")
			}
			signals <- syscall.SIGTERM
			if err := <-ended; err != nil {
				t.Error(err)
			}
			if err := n.stop(t.Context()); err != nil {
				t.Error(err)
			}
			if len(released) > 0 {
				t.Error("it is given back more than once")
			}
		})
	}
}
