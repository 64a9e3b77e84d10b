package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/test/bed"
	"github.com/bulkhead-dev/bulkhead/test/bed/observe"
)

var nodes = []string{"n1", "n2", "n3"}

// first dies for good and heals; second falls silent inside the window.
const first, second = "n1", "n2"

// A story is one run of the demo.
type story struct {
	bed   *bed.Bed
	out   io.Writer
	began time.Time
	view  *observe.View
	notes []note

	windowEnds time.Time // of the permit spent on first
	secondLost time.Time // when second's kubelet was frozen
}

func (s *story) tell(ctx context.Context) error {
	for _, chapter := range []func(context.Context) error{
		s.setUp, s.isolateFirst, s.withholdSecond, s.releaseFirst, s.decideSecondAfresh, s.releaseSecond,
	} {
		if err := chapter(ctx); err != nil {
			return err
		}
	}
	return nil
}

// isolateFirst: containerd is stopped for good. systemd will not start it again, so nothing is waited for.
func (s *story) isolateFirst(ctx context.Context) error {
	s.say("1. containerd of %s is stopped and masked", first)
	stopped, err := s.bed.Fault(ctx, "stop-unit", first, "containerd")
	if err != nil {
		return err
	}
	// Not masked first: systemd forgets a masked unit's KillMode=process and would end all pods, our agent's too.
	if _, err := s.bed.Fault(ctx, "mask-unit", first, "containerd"); err != nil {
		return err
	}
	at, err := s.until(ctx, 30*time.Second, first+" to be isolated", isolated(first))
	if err != nil {
		return err
	}
	s.note("containerd of "+first+" stopped -> "+first+" isolated", at.Sub(stopped))
	if at, err = s.until(ctx, 30*time.Second, "pods of "+first+" to be Terminating", leaving(first)); err != nil {
		return err
	}
	s.note("  -> all its pods Terminating", at.Sub(stopped))
	at, err = s.until(ctx, time.Minute, "the workload to run elsewhere", func(state observe.State) error {
		return runsOutside(state, first)
	})
	if err != nil {
		return err
	}
	s.note(fmt.Sprintf("  -> %d replicas Ready on the other nodes", replicas), at.Sub(stopped))
	if s.windowEnds, err = permitEnd(s.view.Now(), first); err != nil {
		return err
	}
	return s.table(ctx)
}

// withholdSecond: another node is at fault inside the window. One node of three is the budget.
func (s *story) withholdSecond(ctx context.Context) (err error) {
	s.say("2. the kubelet of %s is frozen, while the window's one permit is spent", second)
	if s.secondLost, err = s.bed.Fault(ctx, "freeze-unit", second, "kubelet"); err != nil {
		return err
	}
	at, err := s.until(ctx, 30*time.Second, "the isolation of "+second+" to be withheld", func(state observe.State) error {
		if h := state.Health(second); h.Isolation == nil || h.Isolation.Withheld == nil {
			return fmt.Errorf("%s is %q and nothing is withheld", second, h.State)
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.note("kubelet of "+second+" frozen -> its isolation withheld", at.Sub(s.secondLost))
	withheld := s.view.Now().Health(second).Isolation.Withheld
	s.say("   withheld: %s for %s, by %v: %s", withheld.Action, withheld.Reason, withheld.By, withheld.Message)
	if err := s.table(ctx); err != nil {
		return err
	}
	return s.view.Always(ctx, 5*time.Second, func(state observe.State) error {
		if state.Taint(second) != nil {
			return errors.New(second + " was isolated inside the window")
		}
		return nil
	})
}

func (s *story) releaseFirst(ctx context.Context) error {
	s.say("3. containerd of %s is unmasked and started", first)
	if _, err := s.bed.Fault(ctx, "unmask-unit", first, "containerd"); err != nil {
		return err
	}
	started, err := s.bed.Fault(ctx, "start-unit", first, "containerd")
	if err != nil {
		return err
	}
	at, err := s.until(ctx, 90*time.Second, first+" to be released", released(first))
	if err != nil {
		return err
	}
	s.note("containerd of "+first+" started -> "+first+" released", at.Sub(started))
	return s.table(ctx)
}

// writtenLate is how much later than it is the ledger writes the end of a window: up to 2 s because the API server's Date
// header knows whole seconds, and up to one more because the object does. It may be read as late, never as early.
const writtenLate = 3 * time.Second

// decideSecondAfresh: nothing is replayed. The fault is still there, so it is decided anew.
func (s *story) decideSecondAfresh(ctx context.Context) error {
	s.say("4. waiting for the window to end, %s from now; %s is still frozen", time.Until(s.windowEnds).Round(time.Second), second)
	at, err := s.until(ctx, time.Until(s.windowEnds)+30*time.Second, second+" to be isolated", isolated(second))
	if err != nil {
		return err
	}
	if at.Before(s.windowEnds.Add(-writtenLate)) {
		return fmt.Errorf("%s was isolated %s before the window's end", second, s.windowEnds.Sub(at).Round(time.Millisecond))
	}
	s.note("window over -> "+second+" isolated on fresh evidence; its end is written up to 3 s late", at.Sub(s.windowEnds))
	s.note("  (withheld for)", at.Sub(s.secondLost))
	if _, err := s.until(ctx, time.Minute, "the workload to run elsewhere", func(state observe.State) error {
		return runsOutside(state, second)
	}); err != nil {
		return err
	}
	return s.table(ctx)
}

func (s *story) releaseSecond(ctx context.Context) error {
	s.say("5. the kubelet of %s is thawed", second)
	thawed, err := s.bed.Fault(ctx, "thaw-unit", second, "kubelet")
	if err != nil {
		return err
	}
	at, err := s.until(ctx, 90*time.Second, second+" to be released", released(second))
	if err != nil {
		return err
	}
	s.note("kubelet of "+second+" thawed -> "+second+" released", at.Sub(thawed))
	return s.table(ctx)
}

func isolated(node string) func(observe.State) error {
	return func(state observe.State) error {
		taint := state.Taint(node)
		if taint == nil || v1alpha1.Action(taint.Effect) != v1alpha1.ActionNoExecute {
			return fmt.Errorf("%s carries no NoExecute taint of ours", node)
		}
		return nil
	}
}

func released(node string) func(observe.State) error {
	return func(state observe.State) error {
		if state.Taint(node) != nil {
			return fmt.Errorf("%s is still tainted", node)
		}
		return nil
	}
}

// leaving: every pod of the workload that was on the node is on its way out, or gone.
func leaving(node string) func(observe.State) error {
	return func(state observe.State) error {
		for _, pod := range state.PodsOf(namespace, workload) {
			if pod.Spec.NodeName == node && pod.DeletionTimestamp == nil {
				return fmt.Errorf("pod %s is still meant to be on %s", pod.Name, node)
			}
		}
		return nil
	}
}

// runsOutside: all replicas are Ready, none of them on the node.
func runsOutside(state observe.State, node string) error {
	ready := 0
	for _, pod := range state.PodsOf(namespace, workload) {
		if pod.Spec.NodeName != node && observe.IsPodReady(pod) {
			ready++
		}
	}
	if ready < replicas {
		return fmt.Errorf("%d of %d replicas are Ready outside of %q", ready, replicas, node)
	}
	return nil
}

func permitEnd(state observe.State, node string) (time.Time, error) {
	if state.Ledger != nil {
		for _, permit := range state.Ledger.Permits {
			if permit.Node == node {
				return permit.Until.Time, nil
			}
		}
	}
	return time.Time{}, fmt.Errorf("the ledger shows no permit for %s, which is isolated", node)
}
