package publish

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/bulkhead-dev/bulkhead/api/client/fake"
	"github.com/bulkhead-dev/bulkhead/controller/node/census"
)

func TestChoosePeers(t *testing.T) {
	agents := []string{"a:1", "b:1", "c:1", "d:1", "e:1", "f:1", "g:1"}
	for name, c := range map[string]struct {
		own, named string
		agents     []string
		keeps      string // what must still be named, in this order
		many       int
	}{
		"nobody was named":                    {"a:1", "", agents, "", 5},
		"those named stay":                    {"a:1", "g:1,b:1,c:1,d:1,e:1", agents, "g:1,b:1,c:1,d:1,e:1", 5},
		"one that left is replaced":           {"a:1", "g:1,x:1,c:1,d:1,e:1", agents, "g:1,c:1,d:1,e:1", 5},
		"we are not our own peer":             {"a:1", "a:1,b:1", agents, "b:1", 5},
		"too many are too many":               {"a:1", "b:1,c:1,d:1,e:1,f:1,g:1", agents, "b:1,c:1,d:1,e:1,f:1", 5},
		"a small cluster":                     {"a:1", "", agents[:3], "", 2},
		"one that cannot be dialed asks too":  {"", "", agents[:3], "", 3},
		"alone, what was named is not erased": {"a:1", "b:1,c:1", agents[:1], "b:1,c:1", 2},
		"alone from the start":                {"a:1", "", agents[:1], "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			got := choosePeers(c.own, c.named, c.agents)
			require.True(t, strings.HasPrefix(got, c.keeps), got)
			if c.many == 0 {
				require.Empty(t, got)
				return
			}
			peers := strings.Split(got, ",")
			require.Len(t, peers, c.many)
			require.NotContains(t, peers, c.own)
			require.Equal(t, got, choosePeers(c.own, got, c.agents), "and then nothing changes")
		})
	}
}

func TestMaker_NamesPeersAFewAtATimeAndThenLeavesThemAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		w := &naming{wanted: wanted{period: time.Second}}
		for i := range peersAtOnce + 10 {
			name := fmt.Sprintf("n%d", i)
			w.nodes = append(w.nodes, census.Wanted{
				Node:   &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID("uid-" + name)}},
				Health: true, LeaseUID: "uid-" + name, Agent: fmt.Sprintf("10.0.0.%d:10298", i+1),
			})
		}
		w.nodes[3].Agent = "node3.example:10298" // its agent listens on a name: nobody can be told to ask it
		m := NewMaker(fake.NewSimpleClientset().BulkheadV1alpha1(), w, w, policySpec(), quiet)
		go func() { _ = m.Run(ctx) }()
		time.Sleep(time.Second)
		synctest.Wait()
		require.Len(t, w.written(), peersAtOnce)
		require.NotContains(t, strings.Join(w.written(), " "), "example")
		time.Sleep(peersEvery)
		synctest.Wait()
		require.Len(t, w.written(), peersAtOnce+10)
		time.Sleep(10 * peersEvery)
		synctest.Wait()
		require.Len(t, w.written(), peersAtOnce+10, "nothing is written while nobody leaves")
		stop()
		synctest.Wait()
	})
}

// SetPeers is not expected of other tests.
func (w *wanted) SetPeers(_ context.Context, node, peers string) error {
	w.did = append(w.did, "peers "+node+" "+peers)
	return nil
}

// naming has nodes whose peers are seen at once, as through the watch.
type naming struct {
	wanted

	mu sync.Mutex // guards what wanted has
}

func (n *naming) Wanted() ([]census.Wanted, time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.nodes), n.period
}

func (n *naming) SetPeers(ctx context.Context, node, peers string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range n.nodes {
		if n.nodes[i].Node.Name == node {
			n.nodes[i].Peers = peers
		}
	}
	return n.wanted.SetPeers(ctx, node, peers)
}

func (n *naming) written() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.did)
}
