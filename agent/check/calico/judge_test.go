package calico

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/check/daemon"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

var never = sighting{Outcome: daemon.Outcome{Err: check.ErrNotApplicable}}

// up is a well daemon whose process started at a tick.
func up(started uint64) sighting {
	return sighting{process: host.Process{PID: 9, Started: started}, age: time.Hour}
}

// ill has a finding: with a process, if it has started.
func ill(reason v1alpha1.Reason, started uint64) sighting {
	s := sighting{Outcome: daemon.Outcome{Findings: []check.Finding{{Reason: reason, Message: "x"}}}, age: time.Hour}
	if started > 0 {
		s.process = host.Process{PID: 9, Started: started}
	}
	return s
}

func with(s sighting, change func(*sighting)) sighting {
	change(&s)
	return s
}

var (
	felixGone = ill(v1alpha1.ReasonCalicoFelixNotRunning, 0)
	felixMute = ill(v1alpha1.ReasonCalicoFelixNotAnswering, 1)
	birdGone  = ill(v1alpha1.ReasonCalicoBirdNotRunning, 0)
	birdMute  = ill(v1alpha1.ReasonCalicoBirdNotAnswering, 2)
	noPeer    = ill(v1alpha1.ReasonCalicoNoPeerEstablished, 2)
	confdGone = ill(v1alpha1.ReasonCalicoConfdNotRunning, 0)
	unclear   = sighting{Outcome: daemon.Outcome{Err: errors.New("permission denied")}}

	withContainer = func(s *sighting) { s.isContainerGone = true }
	young         = func(s *sighting) { s.age = 5 * time.Second }

	// before: a felix of tick 1 with bird, bird6 and confd of tick 2, all well.
	before = memory{}.after(observation{up(1), up(2), up(2), up(2)})
)

// TestJudge is the specification. Reasons are in order, the headline first; restarting ones end with ~.
func TestJudge(t *testing.T) {
	for name, c := range map[string]struct {
		o    observation
		m    memory
		want string
	}{
		"well":                  {observation{up(1), up(2), up(2), up(2)}, before, ""},
		"without BGP":           {observation{up(1), never, never, never}, memory{}, ""},
		"with BIRD 3":           {observation{up(1), up(2), never, up(2)}, memory{}, ""},
		"not on this node":      {observation{never, never, never, never}, memory{}, "not applicable"},
		"felix is gone":         {observation{felixGone, up(2), up(2), up(2)}, before, "CalicoFelixNotRunning"},
		"felix is silent":       {observation{felixMute, up(2), up(2), up(2)}, before, "CalicoFelixNotAnswering"},
		"bird is gone":          {observation{up(1), birdGone, up(2), up(2)}, before, "CalicoBirdNotRunning"},
		"bird6 is silent":       {observation{up(1), up(2), birdMute, up(2)}, before, "CalicoBirdNotAnswering"},
		"confd is gone":         {observation{up(1), up(2), up(2), confdGone}, before, "CalicoConfdNotRunning"},
		"no peer":               {observation{up(1), noPeer, up(2), up(2)}, before, "CalicoNoPeerEstablished"},
		"felix comes first":     {observation{felixMute, noPeer, birdGone, confdGone}, before, "CalicoFelixNotAnswering CalicoNoPeerEstablished CalicoBirdNotRunning CalicoConfdNotRunning"},
		"one could not be told": {observation{unclear, up(2), up(2), up(2)}, before, "unknown"},
		"a fault is one whatever else is unknown": {observation{unclear, birdGone, up(2), up(2)}, before, "CalicoBirdNotRunning"},

		"the whole pod is gone": {observation{with(felixGone, withContainer), with(birdGone, withContainer), never, with(confdGone, withContainer)}, before,
			"CalicoFelixNotRunning~ CalicoBirdNotRunning~ CalicoConfdNotRunning~"},
		"a fault beside it stands":     {observation{with(felixGone, withContainer), birdGone, up(2), up(2)}, before, "CalicoBirdNotRunning CalicoFelixNotRunning~"},
		"coming up":                    {observation{with(ill(v1alpha1.ReasonCalicoFelixUnhealthy, 3), young), up(2), up(2), up(2)}, before, "CalicoFelixUnhealthy~"},
		"it was well since it came up": {observation{with(felixMute, young), up(2), up(2), up(2)}, before, "CalicoFelixNotAnswering"},
		"it had its time to come up":   {observation{ill(v1alpha1.ReasonCalicoFelixUnhealthy, 3), up(2), up(2), up(2)}, before, "CalicoFelixUnhealthy"},

		"a new pod without BGP":                     {observation{up(3), birdGone, birdGone, confdGone}, before, ""},
		"a new pod with BIRD 3":                     {observation{up(3), up(4), birdGone, up(4)}, before, ""},
		"a new felix alone is no new pod":           {observation{up(3), birdGone, up(2), up(2)}, before, "CalicoBirdNotRunning"},
		"confd is not dropped alone":                {observation{up(3), up(4), up(4), confdGone}, before, "CalicoConfdNotRunning"},
		"bird6 is not dropped beside an ill bird":   {observation{up(3), noPeer, birdGone, up(4)}, before, "CalicoNoPeerEstablished CalicoBirdNotRunning"},
		"a pod that has just come up proves little": {observation{with(up(3), young), birdGone, up(2), confdGone}, before, "CalicoBirdNotRunning CalicoConfdNotRunning"},
		"nor one whose felix is ill":                {observation{ill(v1alpha1.ReasonCalicoFelixUnhealthy, 3), birdGone, birdGone, confdGone}, before, "CalicoFelixUnhealthy CalicoBirdNotRunning CalicoBirdNotRunning CalicoConfdNotRunning"},
		"the same felix: it was not replaced":       {observation{up(1), birdGone, birdGone, confdGone}, before, "CalicoBirdNotRunning CalicoBirdNotRunning CalicoConfdNotRunning"},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, told(judge(c.o, c.m, 30*time.Second))) })
	}
}

func TestMemory_WhatANewPodDoesWithoutStaysDroppedUntilItIsSeenAgain(t *testing.T) {
	o := observation{up(3), birdGone, birdGone, confdGone}
	require.Empty(t, told(judge(o, before, 30*time.Second)))
	m := before.after(o)

	o[felix] = felixMute
	require.Equal(t, "CalicoFelixNotAnswering", told(judge(o, m, 30*time.Second)))
	m = m.after(o)
	m = m.after(observation{up(3), up(5), never, up(5)})
	require.Equal(t, "CalicoBirdNotRunning", told(judge(observation{up(3), birdGone, birdGone, up(5)}, m, 30*time.Second)), "bird6 stays dropped")
}

func TestJudgePeers(t *testing.T) {
	peer := func(name, state, info string) host.BirdProtocol {
		return host.BirdProtocol{Name: name, Kind: "BGP", State: state, Info: info}
	}
	device := host.BirdProtocol{Name: "device1", Kind: "Device", State: "up"}
	lost, held := peer("Mesh_10_0_0_2", "start", "Connect Socket: Connection refused"), peer("Node_10_0_0_3", "up", "Established")
	for name, c := range map[string]struct {
		status   host.BirdStatus
		starting bool
		want     daemon.AnswerKind
	}{
		"one peer of two":                     {host.BirdStatus{Protocols: []host.BirdProtocol{device, lost, held}}, false, daemon.Good},
		"none of two":                         {host.BirdStatus{Protocols: []host.BirdProtocol{device, lost, peer("Global_x", "start", "Active")}}, false, daemon.Bad},
		"no peer is configured":               {host.BirdStatus{Protocols: []host.BirdProtocol{device}}, false, daemon.Good},
		"it has just started":                 {host.BirdStatus{Protocols: []host.BirdProtocol{lost}}, true, daemon.Good},
		"after a graceful restart":            {host.BirdStatus{Protocols: []host.BirdProtocol{lost}, IsRecovering: true}, false, daemon.Good},
		"the only one was switched off":       {host.BirdStatus{Protocols: []host.BirdProtocol{peer("Mesh_10_0_0_2", "down", "")}}, false, daemon.Good},
		"a session with a pod carries nobody": {host.BirdStatus{Protocols: []host.BirdProtocol{lost, peer("Local_pod", "up", "Established")}}, false, daemon.Bad},
		"a pod that has no session":           {host.BirdStatus{Protocols: []host.BirdProtocol{peer("Local_pod", "start", "Active")}}, false, daemon.Good},
	} {
		got := judgePeers("bird", c.status, c.starting)
		require.Equal(t, c.want, got.Kind, name)
		if c.want == daemon.Bad {
			require.Equal(t, v1alpha1.ReasonCalicoNoPeerEstablished, got.Finding.Reason)
			require.Contains(t, got.Finding.Message, "Mesh_10_0_0_2")
		}
	}
}

func TestJudgeLiveness(t *testing.T) {
	for status, want := range map[int]daemon.AnswerKind{
		200: daemon.Good, 204: daemon.Good, 503: daemon.Bad, 500: daemon.Bad, 404: daemon.CannotAsk, 401: daemon.CannotAsk,
	} {
		require.Equal(t, want, judgeLiveness(host.Reply{Status: status}).Kind, status)
	}
}

// told is the result of a look in a line; restarting ones end with ~.
func told(findings []check.Finding, err error) string {
	switch {
	case errors.Is(err, check.ErrNotApplicable):
		return "not applicable"
	case err != nil:
		return "unknown"
	}
	line := ""
	for i, f := range findings {
		if i > 0 {
			line += " "
		}
		if line += string(f.Reason); f.Restarting {
			line += "~"
		}
	}
	return line
}
