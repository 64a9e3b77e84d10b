// Package kubeclienttest has a small working API server for tests: Leases, NodeHealths and Nodes in memory, over real
// HTTP/2 and TLS.
//
// It keeps what our clients lean on: a resourceVersion for the whole store, conflicts on an old one or on a foreign
// UID, merge patches, label selectors of the forms a=b and a in (b,c), and watches that begin after a version. It has no
// validation, no admission and no managed fields; for those there is the real kube-apiserver in test/integration.
package kubeclienttest

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/rest"
)

// An Object is one object of any kind, as JSON has it.
type Object = map[string]any

// A Server is a running API server. Paths are those of the API, for example
// /apis/coordination.k8s.io/v1/namespaces/bulkhead-heartbeats/leases/n1.
type Server struct {
	http     *httptest.Server
	listener *listener

	mu       sync.Mutex // guards everything below
	version  int
	objects  map[string]Object // by path
	changes  []change          // all of them, so a watch can begin anywhere
	wake     chan struct{}     // closed at every change
	fail     func(*http.Request) int
	requests map[string]int // by method
}

type change struct {
	kind    string
	path    string
	object  Object
	version int
}

// Start runs a server until the test ends.
func Start(t testing.TB) *Server {
	s := &Server{objects: map[string]Object{}, wake: make(chan struct{}), requests: map[string]int{}}
	s.http = httptest.NewUnstartedServer(s)
	s.http.EnableHTTP2 = true
	s.http.Config.ErrorLog = log.New(io.Discard, "", 0) // it would tell of every connection we cut
	s.listener = &listener{Listener: s.http.Listener}
	s.http.Listener = s.listener
	s.http.StartTLS()
	t.Cleanup(func() { s.Disconnect(); s.http.Close() })
	return s
}

// Config trusts the server and asks for it.
func (s *Server) Config() *rest.Config {
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.http.Certificate().Raw})
	return &rest.Config{Host: s.http.URL, TLSClientConfig: rest.TLSClientConfig{CAData: ca}}
}

// Disconnect cuts every connection, watches included.
func (s *Server) Disconnect() { s.listener.closeAll() }

// Fail answers requests for which status is not 0 with that status; nil answers all of them again. A status of -1
// hangs until the client gives up.
func (s *Server) Fail(status func(*http.Request) int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = status
}

// Requests counts the requests of one method so far.
func (s *Server) Requests(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[method]
}

// Get is a copy of the object at path, nil if there is none.
func (s *Server) Get(path string) Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	return clone(s.objects[path])
}

// Put stores an object at path as if somebody else had written it.
func (s *Server) Put(path string, object Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store(path, clone(object))
}

// Delete removes the object at path as if somebody else had.
func (s *Server) Delete(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(path)
}

// ServeHTTP is the API.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests[r.Method]++
	fail := s.fail
	s.mu.Unlock()
	if fail != nil {
		switch status := fail(r); status {
		case 0:
		case -1:
			<-r.Context().Done()
			return
		default:
			answerStatus(w, status, fmt.Sprintf("%s: %s %s", http.StatusText(status), r.Method, r.URL.Path))
			return
		}
	}
	query := r.URL.Query()
	switch {
	case r.Method == http.MethodGet && query.Get("watch") == "true":
		s.watch(w, r)
	case r.Method == http.MethodGet && s.Get(r.URL.Path) == nil && isCollection(r.URL.Path):
		s.list(w, r.URL.Path, query)
	default:
		s.object(w, r)
	}
}

// isCollection tells /apis/g/v/nodehealths from .../nodehealths/n1 and .../namespaces/ns/leases from .../leases/n1.
func isCollection(path string) bool {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	return len(parts) == 4 || len(parts) == 6 && parts[3] == "namespaces"
}

func (s *Server) list(w http.ResponseWriter, collection string, query url.Values) {
	s.mu.Lock()
	defer s.mu.Unlock()
	items := []Object{}
	for path, object := range s.objects {
		if strings.HasPrefix(path, collection+"/") && matches(object, query.Get("labelSelector")) {
			items = append(items, object)
		}
	}
	group, kind := typeOf(collection + "/any")
	answer(w, http.StatusOK, Object{
		"kind": kind + "List", "apiVersion": group, "items": items,
		"metadata": Object{"resourceVersion": fmt.Sprint(s.version)},
	})
}

// typeOf is the apiVersion and kind of the object at a path.
func typeOf(path string) (apiVersion, kind string) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	kinds := map[string]string{"leases": "Lease", "nodehealths": "NodeHealth", "nodes": "Node"}
	resource := parts[len(parts)-2]
	if parts[0] == "api" {
		return parts[1], kinds[resource]
	}
	return parts[1] + "/" + parts[2], kinds[resource]
}

func answer(w http.ResponseWriter, status int, body Object) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
}

func answerStatus(w http.ResponseWriter, status int, message string) {
	reasons := map[int]string{403: "Forbidden", 404: "NotFound", 409: "Conflict"}
	answer(w, status, Object{
		"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status,
		"reason": reasons[status], "message": message,
	})
}

// matches knows the selectors our clients use: nothing, a=b, and a in (b,c).
func matches(object Object, selector string) bool {
	if selector == "" {
		return true
	}
	labels, _ := field(object, "metadata")["labels"].(Object)
	if key, values, isSet := strings.Cut(selector, " in ("); isSet {
		for value := range strings.SplitSeq(strings.TrimSuffix(values, ")"), ",") {
			if labels[key] == strings.TrimSpace(value) {
				return true
			}
		}
		return false
	}
	key, value, _ := strings.Cut(selector, "=")
	return labels[key] == value
}

func clone(object Object) Object {
	if object == nil {
		return nil
	}
	data, _ := json.Marshal(object) // it came from JSON
	var copied Object
	_ = json.Unmarshal(data, &copied)
	return copied
}
