package daemon

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

var kubelet = Subject{
	Name: "the kubelet", Unit: "kubelet.service", Process: "kubelet", Address: "127.0.0.1:10248",
	Reasons: Reasons{
		NotRunning:   v1alpha1.ReasonKubeletNotRunning,
		NotAnswering: v1alpha1.ReasonKubeletNotAnswering,
		Zombie:       v1alpha1.ReasonKubeletZombie,
	},
}

var errDenied = errors.New("denied")

// a unit as systemd would describe it.
func aUnit(active string, change ...func(*host.Unit)) Unit {
	u := host.Unit{
		Name: "kubelet.service", LoadState: "loaded", ActiveState: active, InvocationID: "now",
		ActiveFor: -1, RestartAfter: 10 * time.Second, UnitFileState: "enabled",
	}
	if active == "active" {
		u.ActiveFor = time.Hour
	}
	for _, c := range change {
		c(&u)
	}
	return Unit{Testimony: Spoke, Unit: u}
}

func job(kind string) func(*host.Unit)            { return func(u *host.Unit) { u.Job = kind } }
func sub(state string) func(*host.Unit)           { return func(u *host.Unit) { u.SubState = state } }
func load(state string) func(*host.Unit)          { return func(u *host.Unit) { u.LoadState = state } }
func file(state string) func(*host.Unit)          { return func(u *host.Unit) { u.UnitFileState = state } }
func result(text string) func(*host.Unit)         { return func(u *host.Unit) { u.Result = text } }
func activeFor(d time.Duration) func(*host.Unit)  { return func(u *host.Unit) { u.ActiveFor = d } }
func restartsIn(d time.Duration) func(*host.Unit) { return func(u *host.Unit) { u.RestartAfter = d } }

var (
	noUnit      = Unit{}
	unitUnasked = Unit{Testimony: CannotTell, Err: errDenied}
	alive       = Process{Testimony: Spoke, Process: host.Process{PID: 7, Name: "kubelet", State: 'S'}}
	stopped     = Process{Testimony: Spoke, Process: host.Process{PID: 7, Name: "kubelet", State: 'T'}}
	zombie      = Process{Testimony: Spoke, Process: host.Process{PID: 7, Name: "kubelet", State: 'Z'}}
	noProcess   = Process{Testimony: Nothing}
	good        = Answer{Kind: Good}
	silent      = Answer{Kind: Silent}
	refused     = Answer{Kind: Refused}
	noSocket    = Answer{Kind: Absent}
	unaskable   = Answer{Kind: CannotAsk, Err: errDenied}
	bad         = Answer{Kind: Bad, Finding: check.Finding{Reason: v1alpha1.ReasonKubeletUnhealthy, Message: "healthz answers 500"}}
)

const (
	healthy       = "healthy"
	notRunning    = "NotRunning"
	notAnswering  = "NotAnswering"
	isZombie      = "Zombie"
	unhealthy     = "Unhealthy"
	unknown       = "could not tell"
	notApplicable = "not applicable"
)

// verdict is a conclusion in a word, a restarting one with its grace.
func verdict(findings []check.Finding, err error) string {
	switch {
	case errors.Is(err, check.ErrNotApplicable):
		return notApplicable
	case err != nil:
		return unknown
	case len(findings) == 0 || findings[0].Note:
		return healthy
	}
	word := string(findings[0].Reason)[len("Kubelet"):]
	if findings[0].Restarting {
		word += " restarting " + findings[0].Grace.String()
	}
	return word
}

// TestJudge is the specification of package daemon.
func TestJudge(t *testing.T) {
	optional, required, unseen := kubelet, kubelet, Memory{}
	optional.Optional, required.Required = true, true
	seen := Memory{Seen: true, GoodInvocation: "now"}
	restarted := Memory{Seen: true, GoodInvocation: "before"}

	for name, c := range map[string]struct {
		o    Observation
		m    Memory
		s    Subject
		want string
	}{
		"all is well": {o: Observation{aUnit("active"), alive, good}, want: healthy},
		"a good answer overrules a unit that is failed": {o: Observation{aUnit("failed"), noProcess, good}, want: healthy},
		"a good answer overrules a frozen bus":          {o: Observation{unitUnasked, noProcess, good}, want: healthy},
		"a good answer of an embedded one":              {o: Observation{noUnit, noProcess, good}, want: healthy},

		"nothing of it here":                         {o: Observation{noUnit, noProcess, refused}, m: unseen, want: notApplicable},
		"an unknown listener alone does not make it": {o: Observation{noUnit, noProcess, silent}, m: unseen, want: notApplicable},
		"nothing of it, but we could not ask":        {o: Observation{unitUnasked, noProcess, refused}, m: unseen, want: unknown},
		"nothing of it, and it is required":          {o: Observation{noUnit, noProcess, Answer{}}, m: unseen, s: required, want: notRunning},
		"it was here and all is gone":                {o: Observation{noUnit, noProcess, refused}, m: seen, want: notRunning},
		"installed, not enabled, never run":          {o: Observation{aUnit("inactive", file("disabled")), noProcess, Answer{}}, m: unseen, s: optional, want: notApplicable},
		"the same, and it ran":                       {o: Observation{aUnit("inactive", file("disabled")), noProcess, Answer{}}, m: seen, s: optional, want: notRunning},
		"installed, enabled, never run":              {o: Observation{aUnit("inactive"), noProcess, Answer{}}, m: unseen, s: optional, want: notRunning},

		"waits for its automatic restart":          {o: Observation{aUnit("activating", sub("auto-restart")), noProcess, refused}, m: seen, want: "NotRunning restarting 30s"},
		"is starting":                              {o: Observation{aUnit("activating", sub("start")), alive, silent}, m: seen, want: "NotRunning restarting 30s"},
		"is stopping for a restart":                {o: Observation{aUnit("deactivating", job("restart")), alive, silent}, m: seen, want: "NotRunning restarting 30s"},
		"failed, and a start is queued":            {o: Observation{aUnit("failed", job("start")), noProcess, refused}, m: seen, want: "NotRunning restarting 30s"},
		"restarting, and we could not ask it":      {o: Observation{aUnit("activating"), noProcess, unaskable}, m: seen, want: "NotRunning restarting 30s"},
		"the grace is bounded":                     {o: Observation{aUnit("activating", restartsIn(time.Hour)), noProcess, refused}, m: seen, want: "NotRunning restarting 45s"},
		"a restart at once gets the start's grace": {o: Observation{aUnit("activating", restartsIn(0)), noProcess, refused}, m: seen, want: "NotRunning restarting 20s"},

		"failed":           {o: Observation{aUnit("failed", result("signal")), noProcess, refused}, m: seen, want: notRunning},
		"stopped for good": {o: Observation{aUnit("inactive"), noProcess, refused}, m: seen, want: notRunning},
		"stopping though nobody asked: it crashed": {o: Observation{aUnit("deactivating"), noProcess, silent}, m: seen, want: "NotRunning restarting 30s"},
		"being stopped":         {o: Observation{aUnit("deactivating", job("stop")), alive, silent}, m: seen, want: notRunning},
		"masked":                {o: Observation{aUnit("inactive", load("masked")), noProcess, refused}, m: unseen, want: notRunning},
		"failed, seen at once":  {o: Observation{aUnit("failed"), noProcess, refused}, m: unseen, want: notRunning},
		"failed, could not ask": {o: Observation{aUnit("failed"), noProcess, unaskable}, m: seen, want: notRunning},

		"frozen":                                  {o: Observation{aUnit("active"), alive, silent}, m: seen, want: notAnswering},
		"stopped by a signal":                     {o: Observation{aUnit("active"), stopped, silent}, m: seen, want: notAnswering},
		"runs and nobody listens":                 {o: Observation{aUnit("active"), alive, refused}, m: seen, want: notAnswering},
		"runs without its socket":                 {o: Observation{aUnit("active"), alive, noSocket}, m: seen, want: notAnswering},
		"says itself that it is ill":              {o: Observation{aUnit("active"), alive, bad}, m: seen, want: unhealthy},
		"a zombie":                                {o: Observation{aUnit("active"), zombie, silent}, m: seen, want: isZombie},
		"its process is gone unnoticed":           {o: Observation{aUnit("active"), noProcess, refused}, m: seen, want: notRunning},
		"runs, and we could not ask it":           {o: Observation{aUnit("active"), alive, unaskable}, m: seen, want: unknown},
		"runs, and nobody is to be asked":         {o: Observation{aUnit("active"), alive, Answer{}}, m: seen, want: healthy},
		"reloads and answers nothing":             {o: Observation{aUnit("reloading"), alive, silent}, m: seen, want: notAnswering},
		"a removed unit file, and it still runs":  {o: Observation{aUnit("active", load("not-found")), alive, silent}, m: seen, want: notAnswering},
		"first seen frozen, long after its start": {o: Observation{aUnit("active"), alive, silent}, m: unseen, want: notAnswering},

		"started since it was well, not up yet":   {o: Observation{aUnit("active", activeFor(5*time.Second)), alive, refused}, m: restarted, want: "NotAnswering restarting 30s"},
		"and ill while it comes up":               {o: Observation{aUnit("active", activeFor(5*time.Second)), alive, bad}, m: restarted, want: "Unhealthy restarting 30s"},
		"started since, and its grace is over":    {o: Observation{aUnit("active", activeFor(31*time.Second)), alive, refused}, m: restarted, want: notAnswering},
		"was well since its start, and is silent": {o: Observation{aUnit("active", activeFor(5*time.Second)), alive, silent}, m: seen, want: notAnswering},
		"just started when the agent starts":      {o: Observation{aUnit("active", activeFor(time.Second)), alive, refused}, m: unseen, want: "NotAnswering restarting 30s"},
		"no telling how long it is active":        {o: Observation{aUnit("active", activeFor(-1)), alive, refused}, m: restarted, want: notAnswering},

		"no systemd, alive and silent":    {o: Observation{noUnit, alive, silent}, m: seen, want: notAnswering},
		"no systemd, alive and refusing":  {o: Observation{noUnit, alive, refused}, m: seen, want: notAnswering},
		"no systemd, gone":                {o: Observation{noUnit, noProcess, noSocket}, m: seen, want: notRunning},
		"no systemd, a zombie":            {o: Observation{noUnit, zombie, refused}, m: seen, want: isZombie},
		"no systemd, ill":                 {o: Observation{noUnit, alive, bad}, m: seen, want: unhealthy},
		"no systemd, alive, unaskable":    {o: Observation{noUnit, alive, unaskable}, m: seen, want: unknown},
		"no systemd, nobody to be asked":  {o: Observation{noUnit, alive, Answer{}}, m: seen, want: healthy},
		"no systemd, embedded and silent": {o: Observation{noUnit, noProcess, silent}, m: seen, want: notAnswering},
		"the process table is closed":     {o: Observation{noUnit, Process{Testimony: CannotTell, Err: errDenied}, refused}, m: seen, want: unknown},
		"its unit was uninstalled":        {o: Observation{Unit{Testimony: Nothing}, Process{}, Answer{}}, m: seen, want: notRunning},

		"bus dead, silent":           {o: Observation{unitUnasked, alive, silent}, m: Memory{Seen: true, unasked: 2}, want: "NotAnswering restarting 45s"},
		"all silent at once":         {o: Observation{unitUnasked, alive, silent}, m: Memory{Seen: true, unasked: 1}, want: unknown},
		"bus dead, gone":             {o: Observation{unitUnasked, noProcess, refused}, m: seen, want: "NotRunning restarting 45s"},
		"bus dead, only the unit":    {o: Observation{unitUnasked, Process{}, Answer{}}, m: seen, want: unknown},
		"bus dead, alive, no asking": {o: Observation{unitUnasked, alive, Answer{}}, m: seen, want: healthy},
	} {
		t.Run(name, func(t *testing.T) {
			if c.s.Name == "" {
				c.s = kubelet
			}
			require.Equal(t, c.want, verdict(judge(c.o, c.m, c.s)))
		})
	}
}

func TestJudge_WordsDoNotChangeFromLookToLook(t *testing.T) {
	seen := Memory{Seen: true, GoodInvocation: "now"}
	for want, o := range map[string]Observation{
		"the kubelet runs and does not answer on 127.0.0.1:10248 in time: its main process is stopped by a signal": {aUnit("active"), stopped, silent},
		"unit kubelet.service is failed (signal)":                         {aUnit("failed", result("signal")), noProcess, refused},
		"unit kubelet.service is inactive and masked":                     {aUnit("inactive", load("masked")), noProcess, refused},
		"unit kubelet.service is activating: systemd waits to restart it": {aUnit("activating", sub("auto-restart")), noProcess, refused},
		"unit kubelet.service is deactivating, a restart is queued":       {aUnit("deactivating", job("restart")), noProcess, refused},
		"no process kubelet, and nobody listens on 127.0.0.1:10248":       {noUnit, noProcess, refused},
	} {
		findings, err := judge(o, seen, kubelet)
		require.NoError(t, err)
		require.Equal(t, want, findings[0].Message)
	}
}

func TestMemory_CountsEveryStartOnce(t *testing.T) {
	type looked struct {
		invocation string
		restarts   uint32
	}
	for name, c := range map[string]struct {
		looks []looked
		want  uint32
	}{
		"none":       {[]looked{{"a", 4}, {"a", 4}}, 0},
		"by systemd": {[]looked{{"a", 0}, {"b", 1}}, 1},
		"by systemd, counted before the new start":    {[]looked{{"a", 0}, {"a", 1}, {"b", 1}, {"b", 1}}, 1},
		"by hand, which sets systemd's count back":    {[]looked{{"a", 4}, {"b", 0}}, 1},
		"several between two looks":                   {[]looked{{"a", 1}, {"d", 4}}, 3},
		"one counted early and two more at once":      {[]looked{{"a", 0}, {"a", 1}, {"d", 3}}, 3},
		"one after the other":                         {[]looked{{"a", 0}, {"b", 1}, {"b", 1}, {"c", 2}}, 2},
		"a unit that is down has no invocation known": {[]looked{{"a", 0}, {"", 0}, {"b", 0}}, 1},
	} {
		var m Memory
		for _, l := range c.looks {
			u := aUnit("active")
			u.InvocationID, u.Unit.Restarts = l.invocation, l.restarts
			m = m.after(Observation{Unit: u}, kubelet, true)
		}
		require.Equal(t, c.want, m.Restarts, name)
	}
}

func TestMemory_ALookThatIsNotGoodDoesNotMoveTheGoodInvocation(t *testing.T) {
	m := Memory{}.after(Observation{aUnit("active"), alive, good}, kubelet, true)
	require.Equal(t, "now", m.GoodInvocation)
	m = m.after(Observation{aUnit("active", func(u *host.Unit) { u.InvocationID = "later" }), alive, silent}, kubelet, false)
	require.Equal(t, "now", m.GoodInvocation)
	require.True(t, m.Seen)
	require.EqualValues(t, 1, m.Restarts)
}
