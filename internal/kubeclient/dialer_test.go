package kubeclient

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDialer_Line(t *testing.T) {
	now := time.Now()
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	for name, c := range map[string]struct {
		current string
		failed  map[string]time.Time
		want    []string
	}{
		"configured, remembered, given":             {want: []string{"vip", "a", "b", "g"}},
		"the one that worked last comes second":     {current: "b", want: []string{"vip", "b", "a", "g"}},
		"a demoted one goes last":                   {failed: map[string]time.Time{"vip": ago(time.Second)}, want: []string{"a", "b", "g", "vip"}},
		"the last worker leads while vip is down":   {current: "g", failed: map[string]time.Time{"vip": ago(time.Second)}, want: []string{"g", "a", "b", "vip"}},
		"after a minute the configured leads again": {current: "g", failed: map[string]time.Time{"vip": ago(time.Minute)}, want: []string{"vip", "g", "a", "b"}},
		"all demoted: longest ago first": {
			failed: map[string]time.Time{"vip": ago(1), "a": ago(2), "b": ago(4), "g": ago(3)}, want: []string{"b", "g", "a", "vip"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := &dialer{
				configured: "vip", given: []string{"g", "a"}, log: slog.New(slog.DiscardHandler),
				remembered: func() []string { return []string{"a", "b"} },
				current:    c.current, failed: c.failed,
			}
			require.Equal(t, c.want, d.line(now))
		})
	}
}

func TestDialer_ResetsOncePerAddressThenCalmly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &dialer{configured: "vip", given: []string{"a"}, remembered: func() []string { return nil }, log: slog.New(slog.DiscardHandler)}
		start, answered := time.Now(), time.Now()
		resets := 0
		overrun := func() { // a call a second that gets no answer
			began := time.Now()
			time.Sleep(time.Second)
			if d.MayDemote(began, time.Now(), answered) {
				d.Demote()
				resets++
			}
		}
		for time.Since(start) < time.Minute {
			overrun()
		}
		require.Equal(t, 2+5, resets, "one for each of two addresses, then one per 10 s")

		answered = time.Now() // and then it dies again
		time.Sleep(time.Second)
		resets = 0
		overrun()
		require.Equal(t, 1, resets, "at once")
	})
}

func TestParseEndpoints_TakesReadyOnesOnTheHTTPSPort(t *testing.T) {
	got, err := parseEndpoints([]byte(`{"items":[
		{"endpoints":[{"addresses":["10.0.0.2"]},{"addresses":["10.0.0.1"],"conditions":{"ready":true}},
		              {"addresses":["10.0.0.3"],"conditions":{"ready":false}}],
		 "ports":[{"name":"https","port":6443},{"name":"metrics","port":1}]},
		{"endpoints":[{"addresses":["fd00::1"]},{"addresses":["10.0.0.1"]}],"ports":[{"port":6443}]}]}`))
	require.NoError(t, err)
	require.Equal(t, []string{"10.0.0.1:6443", "10.0.0.2:6443", "[fd00::1]:6443"}, got)
	_, err = parseEndpoints([]byte("<html>"))
	require.ErrorContains(t, err, "reading EndpointSlices")
}
