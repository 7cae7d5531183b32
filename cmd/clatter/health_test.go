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
	go func() { served <- answerTwo(listener) }()
	code, out, errs := command(t, "health", "--bootstrap-server", listener.Addr().String())
	if code != exitFailure || out != "" || !strings.Contains(errs, "/disk2") || strings.Contains(errs, "/disk1") || strings.Count(errs, "\n") != 1 {
		t.Errorf("health: %d, %s%s", code, out, errs)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// answerTwo answers two requests of one connection.
func answerTwo(listener net.Listener) error {
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
			good.Dir, bad.Dir, bad.ErrorCode = "/disk1", "/disk2", int16(wire.KafkaStorageError)
			resp.Dirs = append(resp.Dirs, good, bad)
		}
		answer := append(make([]byte, 4), frame[4:8]...)
		answer = resp.AppendTo(answer)
		binary.BigEndian.PutUint32(answer, uint32(len(answer)-4))
		if _, err := nc.Write(answer); err != nil {
			return err
		}
	}
	return nil
}
