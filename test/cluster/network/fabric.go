package network

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Up makes the switch and plugs the control plane into it.
func Up() error {
	for _, namespace := range []string{FabricNamespace, ControlPlaneNamespace} {
		if err := run("", "ip", "netns", "add", namespace); err != nil {
			return fmt.Errorf("making network namespace: %w", err)
		}
	}
	err := batch(FabricNamespace,
		"link set lo up",
		"link add "+bridge+" type bridge",
		"link set "+bridge+" up")
	if err != nil {
		return fmt.Errorf("making the switch: %w", err)
	}
	if err := plug(ControlPlaneNamespace, controlPlanePort, ControlPlaneIP); err != nil {
		return fmt.Errorf("plugging in the control plane: %w", err)
	}
	return routePods(ControlPlaneNamespace, 0)
}

// AddNode makes the namespace of a node and plugs it in. The node's kernel
// settings for forwarding are set here because in a node they would be set by
// the machine's start-up, which has none of its own.
func AddNode(node string, number int) error {
	namespace := NodeNamespace(node)
	if err := run("", "ip", "netns", "add", namespace); err != nil {
		return fmt.Errorf("making network namespace: %w", err)
	}
	if err := plug(namespace, Port(node), NodeIP(number)); err != nil {
		return fmt.Errorf("plugging in %s: %w", node, err)
	}
	if err := batch(namespace, "route add default via "+ControlPlaneIP); err != nil {
		return fmt.Errorf("routing on %s: %w", node, err)
	}
	if err := routePods(namespace, number); err != nil {
		return err
	}
	return In(namespace, func() error {
		return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644)
	})
}

// RemoveNode takes away the namespace of a node. The port is unplugged by hand:
// the kernel would take it away with the namespace, but at its leisure, and a
// node that boots again at once would find the name taken.
func RemoveNode(node string) error {
	exists := run("", "ip", "-n", FabricNamespace, "link", "show", Port(node)) == nil
	if exists {
		if err := run("", "ip", "-n", FabricNamespace, "link", "del", Port(node)); err != nil {
			return fmt.Errorf("unplugging %s: %w", node, err)
		}
	}
	return remove(NodeNamespace(node))
}

// Down takes away every namespace of the cluster.
func Down() error {
	all, err := Ours()
	if err != nil {
		return err
	}
	var errs []error
	for _, namespace := range all {
		errs = append(errs, remove(namespace))
	}
	return errors.Join(errs...)
}

// remove drops a namespace. After a reboot, or a crash between the two steps of
// making one, only its file is left.
func remove(namespace string) error {
	err := unix.Unmount(File(namespace), unix.MNT_DETACH)
	if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("removing network namespace %s: %w", namespace, err)
	}
	if err := os.Remove(File(namespace)); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("removing network namespace %s: %w", namespace, err)
	}
	return nil
}

func plug(namespace, port, ip string) error {
	err := batch(FabricNamespace,
		"link add "+port+" type veth peer name eth0 netns "+namespace,
		"link set "+port+" master "+bridge+" up")
	if err != nil {
		return err
	}
	return batch(namespace,
		"link set lo up",
		"addr add "+ip+"/24 dev eth0",
		"link set eth0 up")
}

// routePods sends the pods of every possible node, except the one with the
// given number, by way of their node. Nodes may join later, so all are routed.
func routePods(namespace string, except int) error {
	var lines []string
	for i := 1; i <= MaxNodes; i++ {
		if i != except {
			lines = append(lines, fmt.Sprintf("route replace %s via %s", NodePodCIDR(i), NodeIP(i)))
		}
	}
	if err := batch(namespace, lines...); err != nil {
		return fmt.Errorf("routing to pods in %s: %w", namespace, err)
	}
	return nil
}
