package main

import (
	"context"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

const (
	// leaderLease is the Lease that is held by the leader.
	leaderLease = "bulkhead-controller"
	// betweenTerms keeps a controller that lost the ledger from taking the Lease again at once.
	betweenTerms = time.Second
)

// campaign stands for election again and again until ctx ends. A controller that loses the lead goes on standing by:
// its view is warm, and a restart would be blind for seconds. What a term does is fenced by the ledger's epoch, so a
// term that ended late can do no harm.
func (k *controller) campaign(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := k.stand(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(betweenTerms):
		}
	}
	return nil
}

// stand is one election and the term that may follow it.
//
// The Lease is given up only after everything of the term has returned:
//
//  1. ctx ends, or the Lease cannot be renewed, or another owns the ledger: the term's context ends
//  2. loop, evictions and writers return
//  3. the Lease is released, so that a standby leads at once and not after 4 s
func (k *controller) stand(ctx context.Context) error {
	election, resign := context.WithCancel(context.WithoutCancel(ctx))
	defer resign()
	var term sync.WaitGroup
	var mu sync.Mutex // guards leading
	leading := false
	e := k.config.LeaderElection
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Name: leaderLease,
		Lock: &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Name: leaderLease, Namespace: k.config.Namespace},
			Client:     k.clients.kube.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: k.config.Identity},
		},
		LeaseDuration: e.LeaseDuration.Duration, RenewDeadline: e.RenewDeadline.Duration, RetryPeriod: e.RetryPeriod.Duration,
		ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(held context.Context) {
				mu.Lock()
				if ctx.Err() != nil || held.Err() != nil { // over before it began
					mu.Unlock()
					resign()
					return
				}
				leading = true
				term.Add(1)
				mu.Unlock()
				defer resign()
				defer term.Done()
				k.serveTerm(ctx, held)
			},
			OnStoppedLeading: func() {},
			OnNewLeader: func(identity string) {
				if identity != k.config.Identity {
					k.log.Info("standing by", "leader", identity)
				}
			},
		},
	})
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() {
		mu.Lock()
		defer mu.Unlock()
		if !leading { // a term gives the Lease up itself, when it has returned
			resign()
		}
	})
	defer stop()
	elector.Run(election)
	term.Wait()
	return nil
}

// serveTerm leads while both hold: the process should run, and the Lease is ours.
func (k *controller) serveTerm(ctx, held context.Context) {
	work, end := context.WithCancel(held)
	defer end()
	stop := context.AfterFunc(ctx, end)
	defer stop()
	k.log.Info("elected", "identity", k.config.Identity)
	if err := k.lead(work); err != nil {
		k.log.Error("the term ended, standing by", "err", err)
		return
	}
	if ctx.Err() == nil {
		k.log.Warn("lost the lead: the Lease could not be renewed in time; standing by", "renewDeadline", k.config.LeaderElection.RenewDeadline.Duration)
		return
	}
	k.log.Info("handing over")
}
