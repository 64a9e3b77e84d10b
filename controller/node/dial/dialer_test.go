package dial

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// nodeOf answers per address; what it does not know is silent.
func nodeOf(answers map[string]outcome) func(context.Context, string) outcome {
	return func(ctx context.Context, address string) outcome {
		if o, ok := answers[address]; ok && o != silent {
			return o
		}
		<-ctx.Done()
		return silent
	}
}

func dialer(t *testing.T, answers map[string]outcome) (*Dialer, *atomic.Int32) {
	t.Helper()
	rounds := &atomic.Int32{}
	d := New(time.Second, func() { rounds.Add(1) }, func(string) {})
	d.connect = nodeOf(answers)
	return d, rounds
}

func TestDialer_OneRound(t *testing.T) {
	tests := []struct {
		name       string
		answers    map[string]outcome
		took       time.Duration
		answered   bool
		calibrated bool
	}{
		{"a node that connects is alive and can be reached", map[string]outcome{"kubelet": connected, "agent": connected}, 0, true, true},
		{"a refusal is alive, and calibrates nothing", map[string]outcome{"kubelet": refused, "agent": refused}, 0, true, false},
		{"one port is enough", map[string]outcome{"kubelet": refused}, time.Second, true, false},
		{"silence takes the whole round and no longer", nil, time.Second, false, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, rounds := dialer(t, test.answers)
				began := time.Now()
				d.Ask(t.Context(), "u", []string{"kubelet", "agent"})
				d.Ask(t.Context(), "u", []string{"kubelet", "agent"}) // one at a time
				d.running.Wait()
				require.Equal(t, test.took, time.Since(began))
				require.EqualValues(t, 1, rounds.Load())
				w := d.Heard("u", time.Now())
				require.Equal(t, began, w.Dialed)
				require.Equal(t, test.answered, !w.Answered.IsZero())
				require.Equal(t, test.calibrated, w.Calibrated)
			})
		})
	}
}

func TestDialer_ANodeOnceConnectedStaysCalibratedForTenMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := map[string]outcome{"kubelet": connected}
		d, _ := dialer(t, answers)
		d.Ask(t.Context(), "u", []string{"kubelet"})
		d.running.Wait()
		delete(answers, "kubelet")
		time.Sleep(9 * time.Minute)
		d.Ask(t.Context(), "u", []string{"kubelet"})
		d.running.Wait()
		require.True(t, d.Heard("u", time.Now()).Calibrated)
		time.Sleep(time.Minute)
		require.False(t, d.Heard("u", time.Now()).Calibrated)
	})
}

func TestDialer_CalibratesHealthyNodesAtFirstSightAndThenSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dials atomic.Int32
		d := New(time.Second, func() {}, func(string) { dials.Add(1) })
		d.connect = nodeOf(map[string]outcome{"kubelet": connected})
		ctx, stop := context.WithCancel(t.Context())
		go func() {
			_ = d.Run(ctx, func(time.Time) map[string][]string { return map[string][]string{"u": {"kubelet"}} })
		}()
		synctest.Wait()
		require.EqualValues(t, 1, dials.Load())
		time.Sleep(30 * time.Minute)
		require.InDelta(t, 11, dials.Load(), 2)
		stop()
		synctest.Wait()
	})
}

func TestConnect_NeedsAProcessThatAnswers(t *testing.T) {
	hello := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	secure, plain := httptest.NewTLSServer(hello), httptest.NewServer(hello)
	defer secure.Close()
	defer plain.Close()
	frozen, err := net.Listen("tcp", "127.0.0.1:0") // its kernel completes handshakes, nobody accepts
	require.NoError(t, err)
	defer frozen.Close() //nolint:errcheck // a test
	gone := httptest.NewServer(hello)
	gone.Close()
	for name, tc := range map[string]struct {
		address net.Addr
		want    outcome
	}{
		"a kubelet's TLS":     {secure.Listener.Addr(), connected},
		"an agent's HTTP":     {plain.Listener.Addr(), connected},
		"a frozen process":    {frozen.Addr(), silent},
		"a port nobody is at": {gone.Listener.Addr(), refused},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		require.Equal(t, tc.want, connect(ctx, tc.address.String()), name)
		cancel()
	}
}
