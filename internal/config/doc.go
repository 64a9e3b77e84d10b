// Package config loads, defaults and validates the configuration of both binaries.
//
// Guarantees: a file is read over the defaults; an unknown key, a value of the wrong type and a value that makes no
// sense are all reported, every one of them at once, each with the file, the path of the key and what to write instead.
// Nothing is guessed and nothing is silently clamped.
//
// Loading has two steps. The shape step compares the YAML tree with the Go type and knows nothing of meaning; the
// Validate method of the configuration knows meaning and relations between fields. testdata/ holds good and bad files;
// the table in config_test.go maps each bad one to its message.
package config
