package config

import (
	"strings"
	"time"
)

// CalicoSubject says where Calico's daemons are.
type CalicoSubject struct {
	// RunDir has the control sockets of BIRD, bird.ctl and bird6.ctl. Without this folder there is no Calico on the
	// node. Default /run/calico, which Calico's own manifests mount.
	RunDir string `json:"runDir"`
	// LivenessURL answers 200 while felix is well. Default http://127.0.0.1:9099/liveness, felix's own.
	LivenessURL string `json:"livenessURL"`
	// FelixUnit is felix's systemd unit where it is not in a container. Default empty: in a container.
	FelixUnit string `json:"felixUnit,omitempty"`
	// StartUp is how long BIRD may be without a peer after its start. Default 30s, Calico's own. At least 1s.
	StartUp Duration `json:"startUp"`
}

func defaultCalico() CalicoSubject {
	return CalicoSubject{
		RunDir: "/run/calico", LivenessURL: "http://127.0.0.1:9099/liveness", StartUp: Duration{Duration: 30 * time.Second},
	}
}

func (c CalicoSubject) validate(p *Problems, path string) {
	p.Require(strings.HasPrefix(c.RunDir, "/"), path+".runDir", "%q is not an absolute path", c.RunDir)
	p.Require(strings.HasPrefix(c.LivenessURL, "http://"), path+".livenessURL",
		"%q is not an http:// address; felix's own is http://127.0.0.1:9099/liveness", c.LivenessURL)
	p.requireBetween(path+".startUp", c.StartUp, time.Second, time.Hour)
}
