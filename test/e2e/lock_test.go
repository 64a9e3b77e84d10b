//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/test/bed/observe"
)

func operatorLock(s *scene) {
	locks := s.bulkhead.BulkheadV1alpha1().ProtectionLocks()
	_, err := locks.Create(s.ctx, &v1alpha1.ProtectionLock{
		ObjectMeta: metav1.ObjectMeta{Name: "maintenance"},
		Spec:       v1alpha1.ProtectionLockSpec{Scope: v1alpha1.LockCluster, Reason: "switch upgrade", Owner: "ann"},
	}, metav1.CreateOptions{})
	require.NoError(s.t, err)
	pods := hello.On(s.view.Now(), "n2")
	spared(s, v1alpha1.BrakePersonLock)
	s.until("the lock's reason to be told", 5*time.Second, withheldBecause("n2", "switch upgrade"))
	require.NoError(s.t, locks.Delete(s.ctx, "maintenance", metav1.DeleteOptions{}))
	s.isolated("n2", time.Now(), v1alpha1.ReasonRuntimeNotRunning, pods, v1alpha1.NodeUnhealthy)
	s.released("n2", s.heal())
}

func takenOffByHand(s *scene) {
	pods := hello.On(s.view.Now(), "n2")
	at := s.harm("stop-unit", "n2", "containerd")
	s.isolated("n2", at, v1alpha1.ReasonRuntimeNotRunning, pods, v1alpha1.NodeUnhealthy)
	s.kubectl("taint", "node", "n2", v1alpha1.TaintIsolated+"-")
	s.until("the taint to go", 5*time.Second, untainted("n2"))
	s.until("what is withheld to be shown", 10*time.Second, withheld("n2", v1alpha1.BrakeReleasedByHand))
	s.until("the Event", 10*time.Second, told("Node", "n2", "ReleasedByHand"))
	s.during(2*watchReported, untainted("n2"), inState("n2", v1alpha1.NodeUnhealthy))
	s.note("not put back for %s although the fault stays", 2*watchReported)
}

// Of two faults in one window one is isolated. The other is withheld, and decided on fresh evidence when the window ends.
func twoFaults(s *scene) {
	podsN1, podsN2 := hello.On(s.view.Now(), "n1"), hello.On(s.view.Now(), "n2")
	first := s.harm("stop-unit", "n1", "containerd")
	taint := s.isolated("n1", first, v1alpha1.ReasonRuntimeNotRunning, podsN1, v1alpha1.NodeUnhealthy)
	// The permit was spent a moment before. What the ledger says of its end is rounded up, for the next leader.
	ends := taint.Add(thePolicy().Budget.Window.Duration - time.Second)

	second := s.harm("freeze-unit", "n2", "kubelet")
	s.until("what is withheld to be shown", 15*time.Second, inState("n2", v1alpha1.NodeUnhealthy), withheld("n2", v1alpha1.BrakeBudgetSpent))
	shownUntil := s.view.Now().Health("n2").Isolation.Withheld.Until
	require.NotNil(s.t, shownUntil, "it is withheld until a time, and does not say which")
	s.restore("start-unit", "n1", "containerd")
	s.until("n1 to be released", time.Minute, untainted("n1"))
	s.during(time.Until(ends), untainted("n2"), noPermit("n2"))
	s.note("second withheld by BudgetSpent until the window's end")
	s.isolated("n2", second, v1alpha1.ReasonKubeletNotAnswering, stillThere(s, podsN2), v1alpha1.NodeUnhealthy)
	s.released("n2", s.heal())
}

// denyTaints makes the API server refuse what a controller does last: an isolation stays an intent.
const denyTaints = `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: no-taints}
spec:
  matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [UPDATE], resources: [nodes]}]}
  matchConditions: [{name: ours, expression: 'request.userInfo.username == "system:serviceaccount:bulkhead-system:bulkhead-controller"'}]
  validations: [{expression: "false", message: "this test lets no controller write nodes"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: no-taints}
spec: {policyName: no-taints, validationActions: [Deny]}
`

// midIsolation brings the leader to where a permit is spent and the taint not yet written, and kills it there.
func midIsolation(s *scene) (permit v1alpha1.LedgerPermit, epoch int64) {
	require.NoError(s.t, s.bed.Apply(s.ctx, denyTaints))
	s.later(func() { s.allowTaints() })
	require.Eventually(s.t, func() bool {
		_, err := s.bed.Kubectl(s.ctx, "annotate", "node", "n2", "--overwrite", "--as=system:serviceaccount:bulkhead-system:bulkhead-controller", "--dry-run=server", "x=y")
		return err != nil
	}, 15*time.Second, 100*time.Millisecond, "a controller may still write nodes")
	leader, err := s.leads(s.ctx)
	require.NoError(s.t, err)
	s.harm("stop-unit", "n2", "containerd")
	s.until("the intent", 20*time.Second, func(st observe.State) error {
		if st.Ledger == nil || len(st.Ledger.Intents) != 1 || st.Ledger.Intents[0].Node != "n2" {
			return fmt.Errorf("no intent for n2")
		}
		return nil
	})
	st := s.view.Now()
	permit, epoch = permits(st, "n2")[0], st.Ledger.Epoch
	dead := s.process(leader)
	require.NotNil(s.t, dead, "the leader %s is not one of ours", leader)
	dead.Kill()
	s.forget(dead)
	require.NoError(s.t, untainted("n2")(s.view.Now()))
	return permit, epoch
}

func (s *scene) allowTaints() {
	s.kubectl("delete", "validatingadmissionpolicybinding,validatingadmissionpolicy", "no-taints", "--ignore-not-found")
}

// nextLeads waits until another epoch owns the ledger.
func nextLeads(epoch int64) condition {
	return func(st observe.State) error {
		if st.Ledger == nil || st.Ledger.Epoch <= epoch {
			return fmt.Errorf("epoch %d is not over", epoch)
		}
		return nil
	}
}

func leaderKilledFaultStays(s *scene) {
	pods := hello.On(s.view.Now(), "n2")
	permit, epoch := midIsolation(s)
	at := time.Now()
	next := s.until("the next leader", 20*time.Second, nextLeads(epoch))
	s.allowTaints()
	s.isolated("n2", at, v1alpha1.ReasonRuntimeNotRunning, pods, v1alpha1.NodeUnhealthy)
	l := s.view.Now().Ledger
	require.Len(s.t, l.Permits, 1, "a second permit was spent")
	require.Equal(s.t, permit.ID, l.Permits[0].ID)
	require.Equal(s.t, permit.ID, s.view.Now().Nodes["n2"].Annotations[v1alpha1.AnnotationPermit])
	s.note("next leader %s after the kill, same permit %s", seconds(next.Sub(at)), permit.ID)
	s.released("n2", s.heal())
	require.NoError(s.t, s.startOutside(s.ctx))
}

func leaderKilledFaultGoes(s *scene) {
	permit, epoch := midIsolation(s)
	s.restore("start-unit", "n2", "containerd")
	next := s.until("the next leader to cancel", time.Minute, nextLeads(epoch), func(st observe.State) error {
		if l := st.Ledger; len(l.Intents) != 0 || len(l.Permits) != 1 || !l.Permits[0].Cancelled || l.Permits[0].ID != permit.ID {
			return fmt.Errorf("the intent is not cancelled: %d intents, permits %v", len(l.Intents), l.Permits)
		}
		return nil
	})
	s.allowTaints()
	s.during(watchReported, untainted("n2"), func(st observe.State) error {
		if len(st.Ledger.Permits) > 1 {
			return fmt.Errorf("a second permit was spent")
		}
		return nil
	})
	s.note("cancelled at %s, permit %s stays spent, no taint", next.UTC().Format(time.TimeOnly), permit.ID)
	require.NoError(s.t, s.startOutside(s.ctx))
}

// uninstall while a node is isolated: nothing of ours is left on any node.
func uninstall(s *scene) {
	pods := hello.On(s.view.Now(), "n2")
	at := s.harm("stop-unit", "n2", "containerd")
	s.isolated("n2", at, v1alpha1.ReasonRuntimeNotRunning, pods, v1alpha1.NodeUnhealthy)
	began := time.Now()
	require.NoError(s.t, s.bed.Uninstall(s.ctx))
	s.isUninstalled = true
	s.until("our traces to be gone from all nodes", 30*time.Second, func(st observe.State) error {
		for name, n := range st.Nodes {
			for _, key := range []string{v1alpha1.AnnotationOwnedTaint, v1alpha1.AnnotationPermit} {
				if _, there := n.Annotations[key]; there {
					return fmt.Errorf("%s has the annotation %s", name, key)
				}
			}
			if err := untainted(name)(st); err != nil {
				return err
			}
		}
		return nil
	})
	s.note("gone with its taints %s after helm uninstall", seconds(time.Since(began)))
}

// stillThere are those of the pods that have not been moved meanwhile.
func stillThere(s *scene, pods []*corev1.Pod) []*corev1.Pod {
	st := s.view.Now()
	return slices.DeleteFunc(slices.Clone(pods), func(p *corev1.Pod) bool {
		now := st.Pods[p.Namespace+"/"+p.Name]
		return now == nil || now.UID != p.UID
	})
}
