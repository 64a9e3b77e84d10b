package controlplane

import (
	"bytes"
	"embed"
	"fmt"
	"strings"
	"text/template"

	"github.com/bulkhead-dev/bulkhead/test/cluster/network"
	"github.com/bulkhead-dev/bulkhead/test/cluster/state"
)

//go:embed files
var files embed.FS

// values fill the placeholders of the flag files.
type values struct {
	IP, ServiceCIDR       string
	PKI, Data             string
	AuditPolicy, AuditLog string
}

func valuesFor(d state.Dir) values {
	return values{
		IP:          network.ControlPlaneIP,
		ServiceCIDR: network.ServiceCIDR,
		PKI:         d.PKI(),
		Data:        d.ControlPlane("etcd"),
		AuditPolicy: d.ControlPlane("audit-policy.yaml"),
		AuditLog:    d.Logs("audit.log"),
	}
}

// flags reads the flags of a program: one on each line, after which come those
// the user added. The programs let the last of two equal flags win.
func flags(program string, v values, added []string) ([]string, error) {
	text, err := files.ReadFile("files/" + program + ".flags")
	if err != nil {
		return nil, fmt.Errorf("reading flags of %s: %w", program, err)
	}
	parsed, err := template.New(program).Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("reading flags of %s: %w", program, err)
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, v); err != nil {
		return nil, fmt.Errorf("filling in flags of %s: %w", program, err)
	}
	var all []string
	for line := range strings.Lines(out.String()) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "#") {
			all = append(all, line)
		}
	}
	return append(all, added...), nil
}
