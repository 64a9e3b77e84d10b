package kubeclienttest

import (
	"net"
	"sync"
)

// A listener can close the connections it accepted. httptest's own CloseClientConnections leaves HTTP/2 ones open.
type listener struct {
	net.Listener

	mu    sync.Mutex // guards conns
	conns []net.Conn
}

func (l *listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns = append(l.conns, conn)
	return conn, nil
}

func (l *listener) closeAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, conn := range l.conns {
		_ = conn.Close() // it may be closed already
	}
	l.conns = nil
}
