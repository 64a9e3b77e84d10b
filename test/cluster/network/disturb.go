package network

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"text/template"
	"time"
)

//go:embed files
var files embed.FS

var rules = template.Must(template.ParseFS(files, "files/*.tmpl"))

// disturbance fills the placeholders of the rules.
type disturbance struct {
	Node, Port string
	PerMille   int
}

// Lose drops a share of all frames to and from a node.
func Lose(node string, perMille int) (time.Time, error) {
	return disturb("lossy.nft.tmpl", disturbance{Node: node, Port: Port(node), PerMille: perMille})
}

// HalfCut drops connections that others open to a node.
func HalfCut(node string) (time.Time, error) {
	return disturb("half-cut.nft.tmpl", disturbance{Node: node, Port: Port(node)})
}

func disturb(name string, d disturbance) (time.Time, error) {
	var text bytes.Buffer
	if err := rules.ExecuteTemplate(&text, name, d); err != nil {
		return time.Time{}, fmt.Errorf("rendering %s: %w", name, err)
	}
	var at time.Time
	err := In(FabricNamespace, func() error {
		at = time.Now()
		return run(text.String(), "nft", "-f", "-")
	})
	return at, err
}

// Slow limits what a node sends and receives to rate, such as 512kbit.
func Slow(node, rate string) (time.Time, error) {
	at := time.Now()
	var errs []error
	for _, end := range ends(node) {
		// The bucket holds a few frames. What would wait for more than a second
		// is lost, as in a switch with little memory.
		errs = append(errs, run("", "tc", "-n", end.namespace, "qdisc", "replace", "dev", end.device,
			"root", "tbf", "rate", rate, "burst", "16kb", "latency", "1s"))
	}
	return at, errors.Join(errs...)
}

// Clear takes back Lose, HalfCut and Slow, whichever there are.
func Clear(node string) (time.Time, error) {
	at := time.Now()
	var errs []error
	for _, end := range ends(node) {
		shown, err := exec.Command("tc", "-n", end.namespace, "qdisc", "show", "dev", end.device).Output()
		if err != nil {
			errs = append(errs, fmt.Errorf("looking at queues of %s: %w", node, err))
		}
		if strings.Contains(string(shown), "qdisc tbf") {
			errs = append(errs, run("", "tc", "-n", end.namespace, "qdisc", "del", "dev", end.device, "root"))
		}
	}
	errs = append(errs, In(FabricNamespace, func() error {
		var lines []string
		for _, table := range []string{"lossy_" + node, "half_cut_" + node} {
			// Made first, so that deleting it does not fail.
			lines = append(lines, "table bridge "+table, "delete table bridge "+table)
		}
		return run(strings.Join(lines, "\n")+"\n", "nft", "-f", "-")
	}))
	return at, errors.Join(errs...)
}

// FlushRules empties the packet filter of a node, services and all.
func FlushRules(node string) (at time.Time, err error) {
	err = In(NodeNamespace(node), func() error {
		at = time.Now()
		return run("", "nft", "flush", "ruleset")
	})
	return at, err
}

type end struct{ namespace, device string }

// ends are the two ends of a node's cable: what each sends is what gets slow.
func ends(node string) []end {
	return []end{{FabricNamespace, Port(node)}, {NodeNamespace(node), "eth0"}}
}
