package handlers

import (
	"context"
	"sync"

	"github.com/clatterhq/clatter/broker/catalog"
)

// producerIDs gives out producer IDs that nobody else ever gets. It takes them from the catalog in blocks, since each block
// costs a durable write; what a crash leaves of one is never given out.
type producerIDs struct {
	catalog *catalog.Catalog

	mu struct {
		sync.Mutex
		next, end int64 // rest of the block
	}
	// refill is held by the one who takes a new block, so that no lock is held while it is written.
	refill chan struct{}
}

func newProducerIDs(c *catalog.Catalog) *producerIDs {
	return &producerIDs{catalog: c, refill: make(chan struct{}, 1)}
}

// next returns an ID that was never given out.
func (p *producerIDs) next(ctx context.Context) (int64, error) {
	if id, ok := p.take(); ok {
		return id, nil
	}
	select {
	case p.refill <- struct{}{}:
		defer func() { <-p.refill }()
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	if id, ok := p.take(); ok {
		return id, nil // Somebody else has refilled meanwhile.
	}
	first, count, err := p.catalog.AllocateProducerIDs(ctx)
	if err != nil {
		return 0, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.next, p.mu.end = first+1, first+count
	return first, nil
}

func (p *producerIDs) take() (int64, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.next == p.mu.end {
		return 0, false
	}
	p.mu.next++
	return p.mu.next - 1, true
}
