package pki

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWrite_SignsWhatComponentsVerify(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, Write(Store{Dir: dir, Server: "https://10.66.0.1:6443"}, Names{Hosts: []string{"10.96.0.1", "kubernetes"}, Nodes: []string{"n1"}}))

	roots := x509.NewCertPool()
	ca, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	require.NoError(t, err)
	require.True(t, roots.AppendCertsFromPEM(ca))

	server := load(t, dir, "apiserver")
	for _, host := range []string{"10.96.0.1", "kubernetes"} {
		_, err = server.Verify(x509.VerifyOptions{DNSName: host, Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
		require.NoError(t, err)
	}
	admin := load(t, dir, "admin")
	require.Equal(t, []string{"system:masters"}, admin.Subject.Organization)
	_, err = admin.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	require.NoError(t, err)
	_, err = load(t, dir, "etcd-client").Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	require.Error(t, err, "etcd has an authority of its own")
}

func TestKubeconfigs_NodesAreInTheirGroup(t *testing.T) {
	require.Equal(t, Subject{Name: "system:node:n1", Groups: []string{"system:nodes"}}, kubeconfigs([]string{"n1"})["node-n1"])
}

func TestKubeconfig_PrefersToken(t *testing.T) {
	text, err := Kubeconfig{Server: "https://x:1", CA: []byte("ca"), User: "agent", Token: "secret"}.Encode()
	require.NoError(t, err)
	require.Contains(t, string(text), "    token: secret\n")
	require.NotContains(t, string(text), "client-certificate-data")
}

func load(t *testing.T, dir, name string) *x509.Certificate {
	t.Helper()
	_, err := tls.LoadX509KeyPair(filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key"))
	require.NoError(t, err)
	data, err := os.ReadFile(filepath.Join(dir, name+".crt"))
	require.NoError(t, err)
	block, _ := pem.Decode(data)
	certificate, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	return certificate
}
