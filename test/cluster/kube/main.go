// Command kube holds every Kubernetes program of the test cluster in one
// binary, because one link of 160 MB is far cheaper than nine.
//
// It becomes the program it is called as: through a symlink named kubelet it is
// the kubelet, and `kube kubelet ...` is the same by hand.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	os.Exit(dispatch(os.Args))
}

// dispatch finds the program that args name and hands over to it. The programs
// read os.Args themselves, so it is set to what they would have seen had they
// been a binary of their own.
func dispatch(args []string) int {
	name := filepath.Base(args[0])
	if _, ok := programs[name]; !ok && len(args) > 1 {
		args = args[1:]
		name = args[0]
	}
	run, ok := programs[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "kube: %q is not one of %s\n", name, strings.Join(names(), ", "))
		return 2
	}
	os.Args = append([]string{name}, args[1:]...)
	if err := run(); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return 1
	}
	return 0
}

func names() []string {
	var all []string
	for name := range programs {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}
