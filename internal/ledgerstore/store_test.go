package ledgerstore_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/bulkhead-dev/bulkhead/api/client"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/node/protect"
	"github.com/bulkhead-dev/bulkhead/internal/ledgerstore"
	"github.com/bulkhead-dev/bulkhead/internal/ledgerstore/ledgerstoretest"
)

func TestMemory(t *testing.T) {
	ledgerstoretest.Run(t, func(*testing.T) func() ledgerstore.Store {
		m := &ledgerstore.Memory{}
		return m.Open
	})
}

func TestAPI(t *testing.T) {
	ledgerstoretest.Run(t, func(t *testing.T) func() ledgerstore.Store {
		server := newServer(t)
		return func() ledgerstore.Store { return server.open(t, systemClock{}) }
	})
}

func TestAPI_WindowOutlivesAClockThatJumps(t *testing.T) {
	tests := []struct {
		name string
		jump time.Duration // of the API server's clock against ours, between two controllers
		want time.Duration // what is left of a window of 30 min, 10 min after it began
	}{
		{"clocks agree: what is left is what was left", 0, 20 * time.Minute},
		{"the server's clock jumps ahead: the full window", time.Hour, 30 * time.Minute},
		{"the server's clock jumps back: the full window", -time.Hour, 30 * time.Minute},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := newServer(t)
			first := server.open(t, systemClock{})
			_, seen, err := first.Load(t.Context())
			require.NoError(t, err)
			c := protect.Candidate{Node: "n", UID: "u"}
			l, _ := protect.Ledger{}.Lead("a").Record(c, 30*time.Minute, time.Now().Add(-10*time.Minute))
			_, err = first.Save(t.Context(), l, seen)
			require.NoError(t, err)

			got, _, err := server.open(t, systemClock{ahead: test.jump}).Load(t.Context())
			require.NoError(t, err)
			left := time.Until(got.Permits[0].Ends)
			require.InDelta(t, test.want.Seconds(), left.Seconds(), ledgerstoretest.Precision.Seconds())
		})
	}
}

// A node that was isolated for days and then released by hand is left alone for one window, not for days more.
func TestAPI_AHandReleaseLastsAWindowHoweverLongTheIsolationStood(t *testing.T) {
	server := newServer(t)
	first := server.open(t, systemClock{})
	_, seen, err := first.Load(t.Context())
	require.NoError(t, err)
	now := time.Now()
	l := protect.Ledger{}.Lead("a").Impose(protect.Isolation{UID: "u", Node: "n", Action: v1alpha1.ActionNoExecute, Since: now.Add(-72 * time.Hour)})
	_, err = first.Save(t.Context(), l.ReleasedByHand("u", now, 30*time.Minute), seen)
	require.NoError(t, err)

	got, _, err := server.open(t, systemClock{ahead: time.Hour}).Load(t.Context()) // the clocks differ: the full window
	require.NoError(t, err)
	require.InDelta(t, (30 * time.Minute).Seconds(), time.Until(got.Isolations[0].HandUntil).Seconds(), ledgerstoretest.Precision.Seconds())
}

func TestAPI_AMissingKindIsNoEmptyLedger(t *testing.T) {
	server := newServer(t)
	server.kindMissing = true
	_, _, err := server.open(t, systemClock{}).Load(t.Context())
	require.Error(t, err)
}

// systemClock is an API server on our own machine.
type systemClock struct{ ahead time.Duration }

func (c systemClock) ServerNow(now time.Time) (time.Time, bool) {
	return now.Round(0).Add(c.ahead).Truncate(time.Second), true
}

// server keeps one object with the API server's compare-and-swap, which client-go's fakes do not have.
type server struct {
	url         string
	kindMissing bool

	mu      sync.Mutex // guards everything below
	version int
	object  *v1alpha1.IsolationLedger
}

func newServer(t *testing.T) *server {
	s := &server{}
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	s.url = h.URL
	return s
}

func (s *server) open(t *testing.T, clock ledgerstore.Clock) ledgerstore.Store {
	c, err := client.NewForConfig(&rest.Config{Host: s.url})
	require.NoError(t, err)
	return ledgerstore.NewAPI(c.BulkheadV1alpha1().IsolationLedgers(), clock)
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kindMissing {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.Method == http.MethodGet && s.object == nil:
		refuse(w, http.StatusNotFound, metav1.StatusReasonNotFound)
	case r.Method == http.MethodGet:
		_ = json.NewEncoder(w).Encode(s.object)
	case r.Method == http.MethodPost && s.object != nil:
		refuse(w, http.StatusConflict, metav1.StatusReasonAlreadyExists)
	default:
		s.write(w, r)
	}
}

func (s *server) write(w http.ResponseWriter, r *http.Request) {
	var o v1alpha1.IsolationLedger
	if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if r.Method == http.MethodPut && o.ResourceVersion != strconv.Itoa(s.version) {
		refuse(w, http.StatusConflict, metav1.StatusReasonConflict)
		return
	}
	s.version++
	o.ResourceVersion = strconv.Itoa(s.version)
	s.object = &o
	_ = json.NewEncoder(w).Encode(s.object)
}

func refuse(w http.ResponseWriter, code int, reason metav1.StatusReason) {
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure, Code: int32(code), Reason: reason,
		Details: &metav1.StatusDetails{Name: v1alpha1.LedgerName},
	})
}
