package kubeclienttest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// note needs mu. It records a change and wakes the watches.
func (s *Server) note(kind, path string, object Object) {
	s.changes = append(s.changes, change{kind, path, clone(object), s.version})
	close(s.wake)
	s.wake = make(chan struct{})
}

// since is what changed after a version, and what is closed at the next change.
func (s *Server) since(version int) ([]change, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first, _ := slices.BinarySearchFunc(s.changes, version+1, func(c change, v int) int { return c.version - v })
	return slices.Clone(s.changes[first:]), s.wake
}

func (s *Server) watch(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	version, _ := strconv.Atoi(query.Get("resourceVersion"))
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	flusher, _ := w.(http.Flusher)
	out := json.NewEncoder(w)
	for {
		flusher.Flush()
		changes, wake := s.since(version)
		for _, c := range changes {
			version = c.version
			if strings.HasPrefix(c.path, r.URL.Path+"/") && matches(c.object, query.Get("labelSelector")) {
				if out.Encode(Object{"type": c.kind, "object": c.object}) != nil {
					return
				}
			}
		}
		if len(changes) > 0 {
			continue
		}
		select {
		case <-wake:
		case <-r.Context().Done():
			return
		}
	}
}
