package main

import (
	"bytes"
	"io"
	"sync"
)

// lines passes whole lines on to a writer that others use too.
type lines struct {
	mu      *sync.Mutex // guards out
	out     io.Writer
	partial []byte
}

func (l *lines) Write(p []byte) (int, error) {
	l.partial = append(l.partial, p...)
	end := bytes.LastIndexByte(l.partial, '\n') + 1
	if end == 0 {
		return len(p), nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.out.Write(l.partial[:end]); err != nil {
		return 0, err
	}
	l.partial = append(l.partial[:0], l.partial[end:]...)
	return len(p), nil
}

func (l *lines) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = l.out.Write(l.partial) // to a terminal or a pipe
	l.partial = nil
}
