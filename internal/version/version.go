// Package version holds the version of the binary it is linked into.
package version

// Version is set at build time:
//
//	go build -ldflags "-X github.com/bulkhead-dev/bulkhead/internal/version.Version=v0.1.0"
var Version = "dev"
