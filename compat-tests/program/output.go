package program

import (
	"bytes"
	"sync"
)

// keptOutput is how much of a program's output is kept, at least, in bytes.
const keptOutput = 16 << 10

// lastLines keeps the end of what is written to it.
type lastLines struct {
	mu struct {
		sync.Mutex
		text bytes.Buffer
	}
}

func (l *lastLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.text.Write(p)
	if over := l.mu.text.Len() - keptOutput; over > keptOutput {
		l.mu.text.Next(over)
	}
	return len(p), nil
}

func (l *lastLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.text.String()
}
