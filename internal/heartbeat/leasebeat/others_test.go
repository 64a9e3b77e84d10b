package leasebeat

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bulkhead-dev/bulkhead/internal/heartbeat"
	"github.com/bulkhead-dev/bulkhead/internal/kubeclient"
	"github.com/bulkhead-dev/bulkhead/internal/kubeclient/kubeclienttest"
)

func pulseLease(name string, beat int64, version string) *coordinationv1.Lease {
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: name, ResourceVersion: version}}
	write(lease, heartbeat.Heartbeat{Holder: name}, beat, time.Unix(beat, 0))
	return lease
}

func TestOthers_OnlyAPulseThatStoodStillIsAbandoned(t *testing.T) {
	o := &others{seen: map[string]foreign{}}
	start := time.Now()
	o.note(pulseLease("dead", 1, "10"), start)
	o.note(pulseLease("alive", 1, "11"), start)
	o.note(pulseLease("alive", 2, "12"), start.Add(9*time.Minute))
	o.note(pulseLease("dead", 1, "10"), start.Add(9*time.Minute)) // listed again, not renewed
	require.Empty(t, o.abandoned(start.Add(abandonedAfter)))
	require.Equal(t, map[string]string{"dead": "10"}, o.abandoned(start.Add(abandonedAfter+time.Second)))
	require.Empty(t, o.abandoned(start.Add(abandonedAfter+2*time.Second)), "tried once")
}

func TestPulse_BehindOnlyWhileRenewalsAreAnsweredAndDoNotComeBack(t *testing.T) {
	start := time.Now()
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	for name, c := range map[string]struct {
		fresh, answered, watching int
		behind                    bool
	}{
		"all is well":        {fresh: 100, answered: 100, watching: 1},
		"answered, not seen": {fresh: 90, answered: 100, watching: 1, behind: true},
		"a little late":      {fresh: 96, answered: 100, watching: 1},
		"neither answered nor seen: not the watch":  {fresh: 90, answered: 90, watching: 1},
		"a new watch gets its chance":               {fresh: 50, answered: 100, watching: 97},
		"a new watch that never showed us anything": {fresh: 0, answered: 100, watching: 90, behind: true},
	} {
		t.Run(name, func(t *testing.T) {
			p := &Pulse{freshAt: at(c.fresh), answered: at(c.answered)}
			require.Equal(t, c.behind, p.isBehind(5*time.Second, at(c.watching)))
		})
	}
}

func TestOthers_ASweepThatHangsDoesNotHoldUpOurOwnPulse(t *testing.T) {
	server := kubeclienttest.Start(t)
	server.Fail(func(*http.Request) int { return -1 }) // hangs
	kube, err := kubeclient.NewFor(server.Config(), kubeclient.Options{})
	require.NoError(t, err)
	t.Cleanup(kube.Reset)
	client, err := NewClient(kube)
	require.NoError(t, err)
	began := time.Now()
	o := &others{client: client, seen: map[string]foreign{"dead": {since: began.Add(-time.Hour)}, "also": {since: began.Add(-time.Hour)}}}
	o.sweep(t.Context(), began, 100*time.Millisecond)
	require.Less(t, time.Since(began), time.Second)
}
