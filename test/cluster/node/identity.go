package node

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// hideSysctls shows private files in the place of settings that belong to the
// whole machine.
func hideSysctls(root rootfs) error {
	for _, entry := range entries("private-sysctls") {
		name, value, _ := strings.Cut(entry, "=")
		if _, err := os.Stat(root.path("proc/sys", name)); os.IsNotExist(err) {
			continue // not in this kernel
		}
		if err := replaceSysctl(root, name, value); err != nil {
			return err
		}
	}
	return nil
}

func replaceSysctl(root rootfs, name, value string) error {
	private := "dev/.sysctl-" + strings.ReplaceAll(name, "/", "-")
	if err := root.write(private, value+"\n"); err != nil {
		return err
	}
	return root.bindFile(root.path(private), "proc/sys/"+name)
}

// giveIdentity makes IDs of the node's own. The kernel's boot ID would be the
// same for all nodes and survive their reboots.
func giveIdentity(root rootfs) error {
	boot, machine := make([]byte, 16), make([]byte, 16)
	rand.Read(boot)
	rand.Read(machine)
	boot[6], boot[8] = boot[6]&0x0f|0x40, boot[8]&0x3f|0x80 // a random UUID, by RFC 9562
	uuid := fmt.Sprintf("%x-%x-%x-%x-%x", boot[:4], boot[4:6], boot[6:8], boot[8:10], boot[10:])
	if err := replaceSysctl(root, "kernel/random/boot_id", uuid); err != nil {
		return err
	}
	return root.write("etc/machine-id", hex.EncodeToString(machine)+"\n")
}

// maskUnits takes out the machine's own services.
func maskUnits(root rootfs) error {
	const units = "etc/systemd/system"
	wants, err := filepath.Glob(root.path(units, "*.wants"))
	if err != nil {
		return err
	}
	for _, dir := range wants {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("dropping the machine's units: %w", err)
		}
	}
	if err := os.MkdirAll(root.path(units), 0o755); err != nil {
		return err
	}
	for _, unit := range entries("masked-units") {
		link := root.path(units, unit)
		if err := os.RemoveAll(link); err != nil {
			return fmt.Errorf("masking %s: %w", unit, err)
		}
		if err := os.Symlink("/dev/null", link); err != nil {
			return fmt.Errorf("masking %s: %w", unit, err)
		}
	}
	return nil
}

// copyFiles puts the rendered files in place.
func (s Spec) copyFiles(root rootfs) error {
	from := s.path("files")
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return root.write(strings.TrimPrefix(path, from), string(data))
	})
	if err != nil {
		return fmt.Errorf("copying files: %w", err)
	}
	return os.MkdirAll(root.path("etc/kubernetes/manifests"), 0o755)
}
