package network

import (
	"fmt"
	"time"
)

// Cut pulls a node's cable out of the switch. It returns the moment just before.
func Cut(node string) (time.Time, error) {
	return setPort(node, "down")
}

// Heal plugs it in again.
func Heal(node string) (time.Time, error) {
	return setPort(node, "up")
}

func setPort(node, want string) (time.Time, error) {
	at := time.Now()
	if err := run("", "ip", "-n", FabricNamespace, "link", "set", Port(node), want); err != nil {
		return at, fmt.Errorf("setting port of %s %s: %w", node, want, err)
	}
	return at, nil
}
