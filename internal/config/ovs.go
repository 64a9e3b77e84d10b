package config

import (
	"strings"
	"time"
)

// OVSSubject says where Open vSwitch is.
type OVSSubject struct {
	// RunDir has the daemons' PID files and sockets. Default /run/openvswitch, as Debian, Red Hat and the images of
	// Kube-OVN and OVN-Kubernetes have it.
	RunDir string `json:"runDir"`
	// VswitchdUnit is ovs-vswitchd's systemd unit, not applicable where there is none. Default ovs-vswitchd.service.
	VswitchdUnit string `json:"vswitchdUnit"`
	// DatabaseUnit is ovsdb-server's. Default ovsdb-server.service.
	DatabaseUnit string `json:"databaseUnit"`
	// StuckAfter is how long a configuration that somebody waits for may stay undone while nothing else gets done
	// either. Default 10s: a switch with some thousand ports takes a few. At least 1s.
	StuckAfter Duration `json:"stuckAfter"`
}

func defaultOVS() OVSSubject {
	return OVSSubject{
		RunDir: "/run/openvswitch", VswitchdUnit: "ovs-vswitchd.service", DatabaseUnit: "ovsdb-server.service",
		StuckAfter: Duration{Duration: 10 * time.Second},
	}
}

func (o OVSSubject) validate(p *Problems, path string) {
	p.Require(strings.HasPrefix(o.RunDir, "/"), path+".runDir", "%q is not an absolute path", o.RunDir)
	p.requireBetween(path+".stuckAfter", o.StuckAfter, time.Second, time.Hour)
}
