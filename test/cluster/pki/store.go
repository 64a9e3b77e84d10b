package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"path/filepath"

	"github.com/bulkhead-dev/bulkhead/test/cluster/state"
)

// Store writes what the cluster needs into one folder. Every file is written
// once, before the programs that read it start: a component that meets its
// kubeconfig half written gives up for good.
type Store struct {
	Dir    string
	Server string // https://ADDRESS:PORT of the API server
}

// Pair writes NAME.crt and NAME.key.
func (s Store) Pair(name string, pair Pair) error {
	if err := state.WriteFile(s.path(name+".crt"), pair.Certificate, 0o644); err != nil {
		return err
	}
	return state.WriteFile(s.path(name+".key"), pair.Key, 0o600)
}

// Kubeconfig issues a client certificate and writes NAME.kubeconfig with it.
func (s Store) Kubeconfig(ca *Authority, name string, subject Subject) error {
	pair, err := ca.Issue(subject)
	if err != nil {
		return err
	}
	config, err := Kubeconfig{Server: s.Server, CA: ca.Certificate, User: name, Pair: pair}.Encode()
	if err != nil {
		return err
	}
	return state.WriteFile(s.path(name+".kubeconfig"), config, 0o600)
}

// SigningKey writes NAME.key and NAME.pub, with which service account tokens are
// signed and checked.
func (s Store) SigningKey(name string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("making key %s: %w", name, err)
	}
	private, err := encodeKey(key)
	if err != nil {
		return fmt.Errorf("encoding key %s: %w", name, err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return fmt.Errorf("encoding key %s: %w", name, err)
	}
	if err := state.WriteFile(s.path(name+".key"), private, 0o600); err != nil {
		return err
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	return state.WriteFile(s.path(name+".pub"), public, 0o644)
}

func (s Store) path(name string) string { return filepath.Join(s.Dir, name) }
