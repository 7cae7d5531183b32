package broker

import "sync"

// stackPool lends goroutines whose stacks have grown. Handling a request needs a
// stack of 8 KiB and more, waiting for one needs 2 KiB; a stack that has grown stays so,
// and ten thousand idle connections would keep 100 MiB. So the goroutine of
// a connection that isn't busy only waits, and lets one of these handle what came.
// A busy connection skips that hop, see conn.hot.
type stackPool struct {
	keep int // how many idle workers stay

	mu      sync.Mutex
	idle    []*stackWorker // last in, first out: the warmest caches first
	stopped bool
	running sync.WaitGroup
}

// stackWorker is one goroutine of the pool.
type stackWorker struct {
	jobs chan *conn    // closed when the worker is to end
	done chan struct{} // receives once per job
}

func newStackPool(keep int) *stackPool { return &stackPool{keep: keep} }

// do lets a worker handle what has arrived on the connection, and returns when that is done.
// The result is in c.workErr.
func (p *stackPool) do(c *conn) {
	w := p.worker()
	w.jobs <- c
	<-w.done
	p.giveBack(w)
}

// worker takes an idle worker or starts one: there are as many as jobs.
func (p *stackPool) worker() *stackWorker {
	p.mu.Lock()
	defer p.mu.Unlock()
	if last := len(p.idle) - 1; last >= 0 {
		w := p.idle[last]
		p.idle = p.idle[:last]
		return w
	}
	w := &stackWorker{jobs: make(chan *conn), done: make(chan struct{})}
	p.running.Go(w.run)
	return w
}

// giveBack keeps the worker for the next job, or ends it where enough are idle.
func (p *stackPool) giveBack(w *stackWorker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped || len(p.idle) >= p.keep {
		close(w.jobs)
		return
	}
	p.idle = append(p.idle, w)
}

// stop ends all workers and waits for them. Nobody may call do any more.
func (p *stackPool) stop() {
	p.mu.Lock()
	p.stopped = true
	for _, w := range p.idle {
		close(w.jobs)
	}
	p.idle = nil
	p.mu.Unlock()
	p.running.Wait()
}

func (w *stackWorker) run() {
	for c := range w.jobs {
		c.workErr = c.work()
		w.done <- struct{}{}
	}
}
