package lifecycle

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/bulkhead-dev/bulkhead/test/cluster/network"
	"github.com/bulkhead-dev/bulkhead/test/cluster/state"
)

// Options say what cluster to bring up.
type Options struct {
	Nodes      int
	Zones      int
	NodefsSize string              // size of each node's /var/lib/kubelet, such as 256m; empty for no limit
	Flags      map[string][]string // further flags of the control plane, by program
}

var size = regexp.MustCompile(`^[0-9]+[kmg]$`)

// Validate reports everything that is wrong with the options.
func (o Options) Validate() error {
	var errs []error
	if o.Nodes < 1 || o.Nodes > network.MaxNodes {
		errs = append(errs, fmt.Errorf("--nodes=%d: from 1 to %d are possible", o.Nodes, network.MaxNodes))
	}
	if o.Zones < 1 || o.Zones > 26 {
		errs = append(errs, fmt.Errorf("--zones=%d: from 1 to 26 are possible", o.Zones))
	}
	if o.NodefsSize != "" && !size.MatchString(o.NodefsSize) {
		errs = append(errs, fmt.Errorf("--nodefs-size=%q: write a number and k, m or g, such as 256m", o.NodefsSize))
	}
	return errors.Join(errs...)
}

// nodes names the nodes n1, n2, … and deals out the zones zone-a, zone-b, … in turn.
func (o Options) nodes() []state.Node {
	var all []state.Node
	for i := range o.Nodes {
		all = append(all, state.Node{
			Name:       fmt.Sprintf("n%d", i+1),
			Number:     i + 1,
			Zone:       fmt.Sprintf("zone-%c", 'a'+i%o.Zones),
			NodefsSize: o.NodefsSize,
		})
	}
	return all
}
