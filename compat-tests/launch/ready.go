package launch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/rawconn"
)

// pollInterval is how often a starting broker is asked. Small, because clatter is ready within milliseconds.
const pollInterval = 3 * time.Millisecond

// waitReady returns nil once the broker at addr answers Metadata and names a controller and itself.
func waitReady(ctx context.Context, addr string, exited <-chan struct{}) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	var last error
	for {
		if last = askMetadata(ctx, addr); last == nil {
			return nil
		}
		select {
		case <-exited:
			return errors.New("process ended")
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), last)
		case <-ticker.C:
		}
	}
}

func askMetadata(ctx context.Context, addr string) error {
	c, err := rawconn.Dial(ctx, addr)
	if err != nil {
		return err
	}
	defer c.Close() //nolint:errcheck // Nothing was left unsaid on this connection.
	req := kmsg.NewPtrMetadataRequest()
	req.Version = 8
	req.Topics = []kmsg.MetadataRequestTopic{}
	resp, err := c.Do(req, 5*time.Second)
	if err != nil {
		return err
	}
	md, ok := resp.(*kmsg.MetadataResponse)
	if !ok || len(md.Brokers) == 0 || md.ControllerID < 0 {
		return errors.New("no broker or no controller yet")
	}
	return nil
}
