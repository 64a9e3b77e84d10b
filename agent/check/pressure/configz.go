package pressure

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Thresholds are those of the kubelet that say something about the node. That of containerfs is always nodefs' or
// imagefs' again.
type Thresholds struct {
	Memory        Threshold
	Nodefs        Threshold
	NodefsInodes  Threshold
	Imagefs       Threshold
	ImagefsInodes Threshold
	PIDs          Threshold // zero: the kubelet has none, as by default
}

// kubeletDefaults are evictionHard of a kubelet that was told nothing.
func kubeletDefaults() Thresholds {
	return Thresholds{
		Memory:        Threshold{text: "100Mi", amount: 100 << 20},
		Nodefs:        share(10),
		NodefsInodes:  share(5),
		Imagefs:       share(15),
		ImagefsInodes: share(5),
	}
}

// parseConfigz reads evictionHard of the kubelet's answer. A signal that is not named there has no threshold: who names
// one names all. Signals that we do not know are somebody else's; values that we cannot read are an error.
func parseConfigz(raw []byte) (Thresholds, error) {
	var answer struct {
		Kubelet *struct {
			EvictionHard map[string]string `json:"evictionHard"`
		} `json:"kubeletconfig"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return Thresholds{}, fmt.Errorf("reading the kubelet's configz: %w", err)
	}
	if answer.Kubelet == nil {
		return Thresholds{}, errors.New("reading the kubelet's configz: no kubeletconfig in it")
	}
	if answer.Kubelet.EvictionHard == nil {
		return kubeletDefaults(), nil
	}
	var t Thresholds
	for signal, field := range map[string]*Threshold{
		"memory.available":   &t.Memory,
		"nodefs.available":   &t.Nodefs,
		"nodefs.inodesFree":  &t.NodefsInodes,
		"imagefs.available":  &t.Imagefs,
		"imagefs.inodesFree": &t.ImagefsInodes,
		"pid.available":      &t.PIDs,
	} {
		text, named := answer.Kubelet.EvictionHard[signal]
		if !named {
			continue
		}
		var err error
		if *field, err = parseThreshold(text); err != nil {
			return Thresholds{}, fmt.Errorf("reading the kubelet's configz: evictionHard: %s: %w", signal, err)
		}
	}
	return t, nil
}
