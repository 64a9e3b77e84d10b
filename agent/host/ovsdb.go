package host

import (
	"context"
	"fmt"
)

// OVSDatabase is what Open vSwitch's database says of the switch.
type OVSDatabase struct {
	// NextConfig counts the configurations somebody waited for, CurrentConfig those that ovs-vswitchd has carried out.
	NextConfig, CurrentConfig int64
	// KernelBridges is how many bridges want the kernel's datapath.
	KernelBridges int
}

// readSwitch is one transaction. It names its columns, because all of them come with the statistics of every bridge.
const readSwitch = `["Open_vSwitch",` +
	`{"op":"select","table":"Open_vSwitch","where":[],"columns":["cur_cfg","next_cfg"]},` +
	`{"op":"select","table":"Bridge","where":[],"columns":["datapath_type"]}]`

// Database asks ovsdb-server for the configuration, on the socket that its clients use. We speak to it ourselves: package
// ovsdb of go-openvswitch crashes on a reply without an id, reads on for ever after most errors, and took as long with
// its goroutines as all the rest of a look.
func (o *OVS) Database(outer, asked context.Context, socket string) (OVSDatabase, error) {
	results, err := askOVS[[]selected](asked, o.paths.At(socket), "transact", readSwitch)
	if err == nil {
		var database OVSDatabase
		if database, err = readDatabase(results); err == nil {
			return database, nil
		}
	}
	return OVSDatabase{}, observed(outer, fmt.Errorf("reading the switch's configuration: %w", err))
}

// selected is what one operation of readSwitch has found, or why it could not.
type selected struct {
	Rows []struct {
		Current  *int64 `json:"cur_cfg"`
		Next     *int64 `json:"next_cfg"`
		Datapath string `json:"datapath_type"`
	} `json:"rows"`
	Error   string `json:"error"`
	Details string `json:"details"`
}

// readDatabase reads the rows of both tables. A database that nobody has written to yet has none.
func readDatabase(results []selected) (OVSDatabase, error) {
	for _, r := range results {
		if r.Error != "" {
			return OVSDatabase{}, fmt.Errorf("it answers: %s: %s", r.Error, r.Details)
		}
	}
	if len(results) != 2 {
		return OVSDatabase{}, fmt.Errorf("%w: %d results of two questions", errOVS, len(results))
	}
	var d OVSDatabase
	for _, row := range results[0].Rows {
		if row.Current == nil || row.Next == nil {
			return OVSDatabase{}, fmt.Errorf("%w: a switch without cur_cfg and next_cfg", errOVS)
		}
		d.CurrentConfig, d.NextConfig = *row.Current, *row.Next
	}
	for _, bridge := range results[1].Rows {
		if bridge.Datapath == "" || bridge.Datapath == "system" {
			d.KernelBridges++
		}
	}
	return d, nil
}
