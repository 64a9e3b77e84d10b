// Package image packs static binaries into images, without a container daemon,
// and names the images every node has.
package image

// Images that `cluster build` makes and every node imports when it boots. Pods
// use them with imagePullPolicy: Never.
const (
	Pause = "test.bulkhead.dev/pause:1" // the sandbox of every pod
	Hello = "test.bulkhead.dev/hello:1" // a small web server
)
