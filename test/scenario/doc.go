// Package scenario tells stories: transcripts of a small cluster on virtual time, run through the real decision core.
//
// A transcript in testdata/*.txt is a list of steps. A step is a line of commands separated by semicolons, a line
// "----", and what the controller decided while they ran, one line each with the time since the start. Run
//
//	go test ./test/scenario -update
//
// to write the transcripts anew; their diff is reviewed like code. The commands are listed in commands.go.
package scenario
