package leasebeat_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/internal/heartbeat"
	"github.com/bulkhead-dev/bulkhead/internal/heartbeat/heartbeattest"
	"github.com/bulkhead-dev/bulkhead/internal/heartbeat/leasebeat"
	"github.com/bulkhead-dev/bulkhead/internal/kubeclient"
	"github.com/bulkhead-dev/bulkhead/internal/kubeclient/kubeclienttest"
)

const leases = "/apis/coordination.k8s.io/v1/namespaces/" + v1alpha1.HeartbeatNamespace + "/leases/"

type transport struct {
	*leasebeat.Keeper
	server *kubeclienttest.Server
	client rest.Interface
}

func (tr transport) Publisher(node string) heartbeat.Publisher {
	return leasebeat.NewPublisher(tr.client, node)
}
func (tr transport) Source() heartbeat.Source {
	return leasebeat.NewSource(tr.client, leasebeat.SourceOptions{})
}
func (tr transport) Reconnect() { tr.server.Disconnect() }
func (tr transport) DeleteLease(ctx context.Context, node string) error {
	tr.server.Delete(leases + node)
	return nil
}
func (tr transport) EnsureLease(ctx context.Context, node, uid string) error {
	return tr.Keeper.EnsureLease(ctx, node, types.UID(uid))
}

func clientFor(t *testing.T, server *kubeclienttest.Server) (rest.Interface, *kubeclient.Client) {
	kube, err := kubeclient.NewFor(server.Config(), kubeclient.Options{})
	require.NoError(t, err)
	t.Cleanup(kube.Reset)
	client, err := leasebeat.NewClient(kube)
	require.NoError(t, err)
	return client, kube
}

func newTransport(t *testing.T) transport {
	server := kubeclienttest.Start(t)
	client, _ := clientFor(t, server)
	return transport{leasebeat.NewKeeper(client), server, client}
}

func TestLeasebeat(t *testing.T) {
	heartbeattest.Run(t, func(t *testing.T) heartbeattest.Transport { return newTransport(t) })
}

func beat(holder string) heartbeat.Heartbeat {
	return heartbeat.Heartbeat{Node: "n1", Holder: holder, Phase: v1alpha1.PhaseRunning, Next: 1500 * time.Millisecond}
}

func TestPublisher_OneRequestPerBeat(t *testing.T) {
	tr := newTransport(t)
	require.NoError(t, tr.EnsureLease(t.Context(), "n1", "u"))
	publisher := tr.Publisher("n1")
	for range 3 {
		_, err := publisher.Publish(t.Context(), beat("a"))
		require.NoError(t, err)
	}
	require.Equal(t, 1, tr.server.Requests(http.MethodGet))
	require.Equal(t, 3, tr.server.Requests(http.MethodPut))
}

func TestPublisher_WritesALeaseThatKubectlUnderstands(t *testing.T) {
	tr := newTransport(t)
	require.NoError(t, tr.EnsureLease(t.Context(), "n1", "u"))
	for _, holder := range []string{"a", "a", "b"} {
		_, err := tr.Publisher("n1").Publish(t.Context(), beat(holder))
		require.NoError(t, err)
	}
	spec, _ := tr.server.Get(leases + "n1")["spec"].(kubeclienttest.Object)
	require.Equal(t, "b", spec["holderIdentity"])
	require.EqualValues(t, 1, spec["leaseTransitions"])
	require.EqualValues(t, 5, spec["leaseDurationSeconds"], "three promises of 1.5s, rounded up")
	require.NotEmpty(t, spec["acquireTime"])
	require.NotEmpty(t, spec["renewTime"])
}

func TestPublisher_ClampsAPeriodThatMakesNoSense(t *testing.T) {
	tr := newTransport(t)
	require.NoError(t, tr.EnsureLease(t.Context(), "n1", "u"))
	publisher := tr.Publisher("n1")
	for asked, returned := range map[time.Duration]time.Duration{
		time.Millisecond: 100 * time.Millisecond, time.Hour: time.Minute, 3 * time.Second: 3 * time.Second, -time.Second: 100 * time.Millisecond,
	} {
		require.NoError(t, tr.SetPeriod(t.Context(), "n1", asked))
		period, err := publisher.Publish(t.Context(), beat("a"))
		require.NoError(t, err)
		require.Equal(t, returned, period)
	}
}

func TestPublisher_SurvivesAnAnswerThatWasLost(t *testing.T) {
	tr := newTransport(t)
	require.NoError(t, tr.EnsureLease(t.Context(), "n1", "u"))
	publisher := tr.Publisher("n1")
	_, err := publisher.Publish(t.Context(), beat("a"))
	require.NoError(t, err)
	tr.server.Put(leases+"n1", tr.server.Get(leases+"n1")) // a version the publisher never heard of
	_, err = publisher.Publish(t.Context(), beat("a"))
	require.NoError(t, err)
}

func TestKeeper_LeavesALeaseThatIsNotOurs(t *testing.T) {
	tr := newTransport(t)
	tr.server.Put(leases+"n1", kubeclienttest.Object{"metadata": kubeclienttest.Object{"name": "n1"}})
	require.ErrorContains(t, tr.EnsureLease(t.Context(), "n1", "u"), "is not ours")
	require.NotNil(t, tr.server.Get(leases+"n1"))
}

func TestKeeper_OwnsTheLeaseToTheNode(t *testing.T) {
	tr := newTransport(t)
	require.NoError(t, tr.EnsureLease(t.Context(), "n1", "u"))
	metadata, _ := tr.server.Get(leases + "n1")["metadata"].(kubeclienttest.Object)
	require.Equal(t, kubeclienttest.Object{
		v1alpha1.LabelHeartbeat: v1alpha1.HeartbeatNode, v1alpha1.LabelManagedBy: v1alpha1.ManagedByController,
	}, metadata["labels"])
	require.Equal(t, []any{kubeclienttest.Object{"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": "u"}}, metadata["ownerReferences"])
}

func TestSource_IgnoresOtherLeasesAndKeepsTryingWhileTheServerFails(t *testing.T) {
	tr := newTransport(t)
	tr.server.Put(leases+"foreign", kubeclienttest.Object{"metadata": kubeclienttest.Object{"name": "foreign"}})
	require.NoError(t, tr.EnsureLease(t.Context(), "n1", "u"))
	tr.server.Fail(func(r *http.Request) int {
		if strings.Contains(r.URL.RawQuery, "watch") {
			return http.StatusForbidden
		}
		return 0
	})
	events := make(chan heartbeat.Event, 100)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- tr.Source().Watch(ctx, func(e heartbeat.Event) { events <- e }) }()
	for range 3 { // a listing each time
		select {
		case event := <-events:
			require.Equal(t, "n1", event.Node)
			require.True(t, event.Listed)
		case <-time.After(soon):
			t.Fatal("no listing")
		}
	}
	tr.server.Fail(nil)
	cancel()
	require.NoError(t, <-ended)
}
