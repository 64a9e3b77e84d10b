package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/test/bed/lab"
	"github.com/bulkhead-dev/bulkhead/test/bed/observe"
)

// A source is one way in which a fault is told, and a fault that is told so.
type source struct {
	name, fault, check string
	harm               string // for the node's bash; prints the moment of the fault, or one just before
	mend               string
}

const now = "date +%s%N; "

var sources = []source{
	{
		name: "pidfd of the main process", fault: "kill -9, systemd does not restart it", check: "docker",
		harm: "pid=$(systemctl show -p MainPID --value docker); " + now + "kill -9 $pid", mend: "systemctl start docker",
	},
	{
		// The stop itself takes the kubelet a while. The fault is that systemd no longer calls it active.
		name: "D-Bus signal of the unit", fault: "systemctl stop", check: "kubelet",
		harm: `systemctl stop kubelet; date -d "$(systemctl show --timestamp=us -p ActiveExitTimestamp --value kubelet)" +%s%N`, mend: "systemctl start kubelet",
	},
	{
		name: "inotify of the socket's folder", fault: "socket moved away", check: "docker",
		harm: now + "mv /run/docker.sock /run/docker.away", mend: "mv /run/docker.away /run/docker.sock",
	},
	{
		name: "nftables notification", fault: "jump to Calico's chain deleted", check: "netfilter",
		harm: "rule=$(nft -a list chain ip filter INPUT | sed -n '/jump cali-INPUT/s/.*# handle //p'); " + now + "nft delete rule ip filter INPUT handle $rule",
		mend: "iptables -w -I INPUT -m comment --comment cali:lab-INPUT -j cali-INPUT",
	},
	{
		name: "rtnetlink notification", fault: "default route deleted", check: "route",
		harm: "ip route show default >/tmp/route; " + now + "ip route del default", mend: "ip route add $(cat /tmp/route)",
	},
}

// A latency is how soon one source told, in all repetitions.
type latency struct {
	source
	seen, confirmed []time.Duration // to the first finding in the API, and to confirmedFast
}

// told measures from the fault until a watch of NodeHealth brings the finding.
func (e *environment) told(ctx context.Context, r *report) error {
	times := 25
	if e.quick {
		times = 5
	}
	if _, err := e.bed.Exec(ctx, victim, "bash", "-ec",
		`drop=/run/systemd/system/docker.service.d; mkdir -p $drop; printf '[Service]\nRestart=no\n' >$drop/lab.conf; systemctl daemon-reload`); err != nil {
		return err
	}
	// Who writes rules is excused while it is young.
	if err := sleep(ctx, time.Until(e.set.Add(check.MaxGrace))); err != nil {
		return err
	}
	for _, s := range sources {
		l := latency{source: s}
		for n := range times {
			if err := e.once(ctx, s, &l); err != nil {
				return fmt.Errorf("%s, repetition %d: %w", s.name, n+1, err)
			}
		}
		fmt.Printf("%-32s seen p50 %s, confirmed fast p50 %s\n", s.name, at(l.seen, 50), at(l.confirmed, 50))
		r.told = append(r.told, l)
	}
	return e.roundTrips(ctx, times, r)
}

// roundTrips is what of it the API server and the watch take: from our own write to an object as large as the agent's until
// the watch brings it.
func (e *environment) roundTrips(ctx context.Context, times int, r *report) error {
	const mark = "test.bulkhead.dev/round"
	healths := e.bulkhead.BulkheadV1alpha1().NodeHealths()
	for n := range times {
		want := fmt.Sprint(n)
		arrived := make(chan moment, 1)
		go func() {
			at, err := e.view.Until(ctx, "our own write", func(s observe.State) error {
				if h := s.NodeHealths[victim]; h == nil || h.Annotations[mark] != want {
					return errors.New("not yet")
				}
				return nil
			})
			arrived <- moment{at, err}
		}()
		began := time.Now()
		patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, mark, want)
		if _, err := healths.Patch(ctx, victim, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
			return err
		}
		m := <-arrived
		if m.err != nil {
			return m.err
		}
		r.roundTrips = append(r.roundTrips, m.at.Sub(began))
	}
	return nil
}

func (e *environment) once(ctx context.Context, s source, l *latency) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := lab.FreshAgent(ctx, e.bed, e.view, victim); err != nil {
		return err
	}
	// Both conditions wait before the harm is done: a change is judged as it comes, and none is missed.
	seen, confirmed := e.await(ctx, s.check, isLit), e.await(ctx, s.check, isConfirmed)
	out, err := e.bed.Exec(ctx, victim, "bash", "-ec", s.harm)
	if err != nil {
		return err
	}
	began, err := lab.Moment(out)
	if err != nil {
		return err
	}
	for _, wait := range []struct {
		result <-chan moment
		into   *[]time.Duration
	}{{seen, &l.seen}, {confirmed, &l.confirmed}} {
		m := <-wait.result
		if m.err != nil {
			return m.err
		}
		*wait.into = append(*wait.into, m.at.Sub(began))
	}
	_, err = e.bed.Exec(ctx, victim, "bash", "-ec", s.mend)
	return err
}

type moment struct {
	at  time.Time
	err error
}

func (e *environment) await(ctx context.Context, name string, is func(v1alpha1.CheckStatus) bool) <-chan moment {
	result := make(chan moment, 1)
	go func() {
		at, err := e.view.Until(ctx, name+" to fail", func(s observe.State) error {
			if !is(s.Check(victim, name)) {
				return errors.New("not yet")
			}
			return nil
		})
		result <- moment{at, err}
	}()
	return result
}

func isLit(c v1alpha1.CheckStatus) bool {
	return slices.Contains([]v1alpha1.CheckState{v1alpha1.CheckFailing, v1alpha1.CheckRestarting, v1alpha1.CheckUnhealthy}, c.State)
}

func isConfirmed(c v1alpha1.CheckStatus) bool { return c.ConfirmedFast }

// at is a percentile.
func at(d []time.Duration, percent int) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[min(len(d)-1, len(d)*percent/100)]
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
