package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/digitalocean/go-openvswitch/ovsdb"
)

// OVSDatabase is what Open vSwitch's database says of the switch.
type OVSDatabase struct {
	// NextConfig counts the configurations somebody waited for, CurrentConfig those that ovs-vswitchd has carried out.
	NextConfig, CurrentConfig int64
	// KernelBridges is how many bridges want the kernel's datapath.
	KernelBridges int
}

// Database asks ovsdb-server for an echo and for the configuration, on the socket that its clients use.
func (o *OVS) Database(outer, asked context.Context, socket string) (OVSDatabase, error) {
	conn, err := dialSocket(asked, o.paths.At(socket))
	if err != nil {
		return OVSDatabase{}, observed(outer, err)
	}
	ctx, fail := context.WithCancelCause(asked)
	defer fail(nil)
	client, err := ovsdb.New(newGuard(conn, fail))
	if err != nil {
		return OVSDatabase{}, errors.Join(err, conn.Close())
	}
	defer client.Close() //nolint:errcheck // read to its end or given up
	database, err := askDatabase(ctx, client)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx) // the library says only that it was cancelled
	}
	return database, observed(outer, err)
}

func askDatabase(ctx context.Context, client *ovsdb.Client) (OVSDatabase, error) {
	if err := client.Echo(ctx); err != nil {
		return OVSDatabase{}, fmt.Errorf("asking the database for an echo: %w", err)
	}
	rows, err := client.Transact(ctx, "Open_vSwitch", []ovsdb.TransactOp{
		columns{Table: "Open_vSwitch", Columns: []string{"cur_cfg", "next_cfg"}},
		columns{Table: "Bridge", Columns: []string{"datapath_type"}},
	})
	if err != nil {
		return OVSDatabase{}, fmt.Errorf("reading the switch's configuration: %w", err)
	}
	return readDatabase(rows)
}

// columns selects some columns of every row of a table. The library's own Select fetches them all, with the statistics
// of every bridge.
type columns struct {
	Op      string   `json:"op"`
	Table   string   `json:"table"`
	Where   []string `json:"where"`
	Columns []string `json:"columns"`
}

// MarshalJSON makes it a TransactOp.
func (c columns) MarshalJSON() ([]byte, error) {
	type plain columns // without this method
	c.Op, c.Where = "select", []string{}
	return json.Marshal(plain(c))
}

// readDatabase reads the rows of both tables, which the library has put one behind the other. A database that nobody
// has written to yet has none.
func readDatabase(rows []ovsdb.Row) (OVSDatabase, error) {
	var d OVSDatabase
	for _, row := range rows {
		if kind, isBridge := row["datapath_type"]; isBridge {
			switch kind {
			case "", "system":
				d.KernelBridges++
			}
			continue
		}
		current, isCurrent := row["cur_cfg"].(float64)
		next, isNext := row["next_cfg"].(float64)
		if !isCurrent || !isNext {
			return OVSDatabase{}, fmt.Errorf("reading the switch's configuration: no cur_cfg and next_cfg in %v", row)
		}
		d.CurrentConfig, d.NextConfig = int64(current), int64(next)
	}
	return d, nil
}
