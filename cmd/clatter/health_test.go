package main

import (
	"encoding/binary"
	"net"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

// TestHealthOfABrokerWithoutADisk asks something that answers Metadata as a broker does and has lost one of two log directories.
func TestHealthOfABrokerWithoutADisk(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	served := make(chan error, 1)
	go func() { served <- answerTwo(listener, wire.KafkaStorageError) }()
	code, out, errs := command(t, "health", "--bootstrap-server", listener.Addr().String())
	if code != exitFailure || out != "" || !strings.Contains(errs, "/disk2") || strings.Contains(errs, "/disk1") || strings.Count(errs, "\n") != 1 {
		t.Errorf("health: %d, %s%s", code, out, errs)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// TestHealthTellsOfCompaction asks something whose cleaner fell behind: nothing that a restart would heal, so it is healthy.
func TestHealthTellsOfCompaction(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	served := make(chan error, 1)
	go func() { served <- answerTwo(listener, wire.None) }()
	code, out, errs := command(t, "health", "--bootstrap-server", listener.Addr().String())
	if code != exitOK || errs != "" || !strings.Contains(out, "is 3h0m0s old") || !strings.Contains(out, "can't be compacted: 2;") {
		t.Errorf("health: %d, %s%s", code, out, errs)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// answerTwo answers two requests of one connection, with a code for one of two log directories, and tells who asks for it that compaction fell behind.
func answerTwo(listener net.Listener, code wire.ErrorCode) error {
	nc, err := listener.Accept()
	if err != nil {
		return err
	}
	defer nc.Close()
	for range 2 {
		frame, err := wire.ReadFrame(nc, nil, maxHealthAnswer)
		if err != nil {
			return err
		}
		resp := kmsg.ResponseForKey(int16(binary.BigEndian.Uint16(frame)))
		resp.SetVersion(int16(binary.BigEndian.Uint16(frame[2:])))
		switch resp := resp.(type) {
		case *kmsg.MetadataResponse:
			resp.Brokers = append(resp.Brokers, kmsg.NewMetadataResponseBroker())
		case *kmsg.DescribeLogDirsResponse:
			good, bad := kmsg.NewDescribeLogDirsResponseDir(), kmsg.NewDescribeLogDirsResponseDir()
			good.Dir, bad.Dir, bad.ErrorCode = "/disk1", "/disk2", int16(code)
			resp.Dirs = append(resp.Dirs, good, bad)
			req := kmsg.NewPtrDescribeLogDirsRequest()
			req.Version = resp.Version
			header := 8 + 2 + len("clatter-health") + 1
			if err := req.ReadFrom(frame[header:]); err != nil {
				return err
			}
			if wire.AsksForCleaning(&req.UnknownTags) {
				wire.Cleaning{DirtyAgeMs: 3 * 3600 * 1000, Uncleanable: 2}.AddTo(&resp.UnknownTags)
			}
		}
		answer := append(make([]byte, 4), frame[4:8]...)
		if resp.IsFlexible() {
			answer = append(answer, 0)
		}
		answer = resp.AppendTo(answer)
		binary.BigEndian.PutUint32(answer, uint32(len(answer)-4))
		if _, err := nc.Write(answer); err != nil {
			return err
		}
	}
	return nil
}
