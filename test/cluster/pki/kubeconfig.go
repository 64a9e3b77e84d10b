package pki

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"fmt"
	"text/template"
)

//go:embed files/kubeconfig.yaml.tmpl
var kubeconfigText string

var kubeconfigTemplate = template.Must(template.New("kubeconfig").
	Funcs(template.FuncMap{"base64": base64.StdEncoding.EncodeToString}).
	Parse(kubeconfigText))

// Kubeconfig says where the API server is and who comes to it, by certificate or
// by token.
type Kubeconfig struct {
	Server string
	CA     []byte
	User   string
	Pair   Pair
	Token  string
}

// Encode renders the kubeconfig file.
func (k Kubeconfig) Encode() ([]byte, error) {
	var out bytes.Buffer
	if err := kubeconfigTemplate.Execute(&out, k); err != nil {
		return nil, fmt.Errorf("rendering kubeconfig of %s: %w", k.User, err)
	}
	return out.Bytes(), nil
}
