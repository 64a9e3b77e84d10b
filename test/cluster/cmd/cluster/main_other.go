//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "cluster: a test cluster needs Linux, for namespaces and control groups: use a Linux machine or a virtual one")
	os.Exit(1)
}
