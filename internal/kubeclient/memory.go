package kubeclient

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// memory keeps the API servers' own addresses, on disk if it has a directory, so that an agent which starts on a node
// whose Service addresses are dead still knows where to report that.
type memory struct {
	file string // empty: in memory only

	mu        sync.Mutex // guards addresses
	addresses []string
}

const memoryFile = "apiservers.json"

// remember opens the memory in a directory. Its result is usable even with an error: it then starts empty.
func remember(dir string) (*memory, error) {
	if dir == "" {
		return &memory{}, nil
	}
	m := &memory{file: filepath.Join(dir, memoryFile)}
	data, err := os.ReadFile(m.file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return m, nil
	case err != nil:
		return m, fmt.Errorf("reading remembered API servers: %w", err)
	}
	if err := json.Unmarshal(data, &m.addresses); err != nil {
		return m, fmt.Errorf("reading remembered API servers from %s: %w", m.file, err)
	}
	return m, nil
}

// Addresses are those remembered, host:port.
func (m *memory) Addresses() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.addresses)
}

// Learn replaces what is remembered. Nothing learned is no reason to forget: an empty list is ignored.
func (m *memory) Learn(addresses []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(addresses) == 0 || slices.Equal(addresses, m.addresses) {
		return nil
	}
	m.addresses = slices.Clone(addresses)
	if m.file == "" {
		return nil
	}
	data, err := json.Marshal(m.addresses)
	if err != nil {
		return fmt.Errorf("encoding API server addresses: %w", err)
	}
	if err := replaceFile(m.file, data); err != nil {
		return fmt.Errorf("remembering API servers: %w", err)
	}
	return nil
}

// replaceFile leaves either the old content or the new, also when the machine dies in between.
func replaceFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) // gone after the rename; what remains is a failed attempt
	_, err = temporary.Write(data)
	if err := errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}
