package pki

import "errors"

// Names are the addresses the API server is reached at.
type Names struct {
	Hosts []string
	Nodes []string
}

// Write makes and writes everything the control plane and the given nodes need.
//
//	ca, front-proxy-ca, etcd-ca       authorities
//	etcd, etcd-client, apiserver, …   certificates, named after who shows them
//	admin, node-NAME, kube-proxy, …   kubeconfigs
//	service-account                   key pair for tokens
func Write(s Store, names Names) error {
	ca, err := NewAuthority("bulkhead-test-ca")
	if err != nil {
		return err
	}
	proxyCA, err := NewAuthority("bulkhead-test-front-proxy-ca")
	if err != nil {
		return err
	}
	etcdCA, err := NewAuthority("bulkhead-test-etcd-ca")
	if err != nil {
		return err
	}
	var errs []error
	write := func(name string, by *Authority, subject Subject) {
		pair, err := by.Issue(subject)
		if err == nil {
			err = s.Pair(name, pair)
		}
		errs = append(errs, err)
	}
	errs = append(errs, s.Pair("ca", ca.Pair), s.Pair("front-proxy-ca", proxyCA.Pair), s.Pair("etcd-ca", etcdCA.Pair), s.SigningKey("service-account"))
	write("etcd", etcdCA, Subject{Name: "etcd", Hosts: []string{"127.0.0.1", "localhost"}, Client: true})
	write("etcd-client", etcdCA, Subject{Name: "kube-apiserver"})
	write("front-proxy-client", proxyCA, Subject{Name: "front-proxy-client"})
	write("apiserver", ca, Subject{Name: "kube-apiserver", Hosts: names.Hosts})
	write("apiserver-kubelet-client", ca, Subject{Name: KubeletClient})
	write("admin", ca, admin)

	for name, subject := range kubeconfigs(names.Nodes) {
		errs = append(errs, s.Kubeconfig(ca, name, subject))
	}
	return errors.Join(errs...)
}

// KubeletClient is the user as whom the API server comes to kubelets, for logs
// and exec. It has no rights but those bound to it.
const KubeletClient = "kube-apiserver-kubelet-client"

var admin = Subject{Name: "admin", Groups: []string{"system:masters"}}

func kubeconfigs(nodes []string) map[string]Subject {
	all := map[string]Subject{
		"admin":                   admin,
		"kube-controller-manager": {Name: "system:kube-controller-manager"},
		"kube-scheduler":          {Name: "system:kube-scheduler"},
		"kube-proxy":              {Name: "system:kube-proxy"},
	}
	for _, node := range nodes {
		all["node-"+node] = Subject{Name: "system:node:" + node, Groups: []string{"system:nodes"}}
	}
	return all
}
