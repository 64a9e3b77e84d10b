package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/node/protect"
)

// commands of a transcript. Each takes the words after its name.
//
//	cluster nodes=N [zones=Z] [window=D] [maxIsolated=P] [maxUnavailable=P]   a new cluster, all well
//	advance D                 let time pass
//	silence NODE... | all     the node dies: no beat, no kubelet renewal, no answer to dials
//	mute NODE...              the agent alone dies
//	speak NODE... | all       the node is back
//	fail NODE CHECK           a check becomes Unhealthy; unknown NODE CHECK and restart NODE CHECK likewise
//	heal NODE                 every check is Healthy again
//	lock NODE | all ; unlock  a person's ProtectionLock
//	intent NODE Auto|Isolate|Protect
//	untaint NODE              somebody removes our taint
//	depart NODE               somebody drains the node
//	blind | see               the controller's own view is lost, and back
//	leader NAME               another controller takes over, with no memory of the first
func (w *world) command(words []string) error {
	name, args := words[0], words[1:]
	w.dirty = true
	switch name {
	case "advance":
		d, err := time.ParseDuration(args[0])
		if err != nil {
			return err
		}
		w.advance(d)
	case "silence":
		w.each(args, func(n *node) { n.silent, n.answers = true, false })
	case "mute":
		w.each(args, func(n *node) { n.mute = true })
	case "speak":
		w.each(args, func(n *node) { n.silent, n.mute, n.answers = false, false, true })
	case "fail":
		w.set(args, v1alpha1.CheckUnhealthy)
	case "unknown":
		w.set(args, v1alpha1.CheckUnknown)
	case "restart":
		w.set(args, v1alpha1.CheckRestarting)
	case "heal":
		w.each(args, func(n *node) { n.report(func(string) v1alpha1.CheckState { return v1alpha1.CheckHealthy }) })
	case "lock":
		w.each(args, func(n *node) { n.Lock = &protect.PersonLock{Name: "hold", Owner: "ann", Reason: "upgrade"} })
	case "unlock":
		w.each([]string{"all"}, func(n *node) { n.Lock = nil })
	case "intent":
		w.each(args[:1], func(n *node) { n.Intent = v1alpha1.Intent(args[1]) })
	case "untaint":
		w.each(args, func(n *node) { n.OwnTaint, n.Schedulable = "", true })
	case "depart":
		w.each(args, func(n *node) { n.Departing = "cordoned, and only DaemonSet pods are left" })
	case "blind":
		w.blind = "no pulse came back"
	case "see":
		w.blind = ""
		w.each([]string{"all"}, func(n *node) { n.Beat.At, n.Witness.KubeletRenewed = w.now, w.now }) // a fresh start for all
	case "leader":
		w.ledger, w.memory = w.ledger.Lead(args[0]), nil
	default:
		return fmt.Errorf("unknown command %q", name)
	}
	return nil
}

func (w *world) each(names []string, do func(*node)) {
	for _, n := range w.nodes {
		if slices.Contains(names, "all") || slices.Contains(names, n.Name) {
			do(n)
		}
	}
}

func (w *world) set(args []string, state v1alpha1.CheckState) {
	w.each(args[:1], func(n *node) {
		n.report(func(check string) v1alpha1.CheckState {
			if check == args[1] {
				return state
			}
			return ""
		})
	})
}

// report changes the agent's report; a beat that vouches for it follows at once.
func (n *node) report(state func(check string) v1alpha1.CheckState) {
	n.Report.Checks = slices.Clone(n.Report.Checks)
	for i := range n.Report.Checks {
		if s := state(n.Report.Checks[i].Name); s != "" {
			n.Report.Checks[i].State, n.Report.Checks[i].Reason, n.Report.Checks[i].Message = s, v1alpha1.ReasonRuntimeNotRunning, "as the scenario says"
		}
	}
	n.Report.Sequence++
	n.Beat.Sequence = n.Report.Sequence
}

// cluster makes the world a "cluster" command asks for.
func cluster(args []string) (*world, error) {
	var spec v1alpha1.NodeIsolationPolicySpec
	nodes, zones := 3, 1
	for _, a := range args {
		key, value, _ := strings.Cut(a, "=")
		number, err := strconv.Atoi(value)
		switch {
		case key == "window":
			d, err := time.ParseDuration(value)
			if err != nil {
				return nil, err
			}
			spec.Budget.Window = &v1alpha1.Duration{Duration: d}
		case err != nil:
			return nil, fmt.Errorf("reading %q: %w", a, err)
		case key == "nodes":
			nodes = number
		case key == "zones":
			zones = number
		case key == "maxIsolated":
			spec.Budget.MaxIsolatedPercent = v1alpha1.Percent(number)
		case key == "maxUnavailable":
			spec.Budget.MaxUnavailablePercent = v1alpha1.Percent(number)
		default:
			return nil, fmt.Errorf("unknown setting %q", a)
		}
	}
	spec.Default()
	w := newWorld(nodes, spec)
	for i, n := range w.nodes {
		if zones > 1 {
			n.Zone = fmt.Sprintf("z%d", i%zones)
		}
	}
	return w, nil
}
