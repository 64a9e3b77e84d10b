// Package kubeclient reaches the API server when the ordinary way is dead, and notices when a connection is.
//
// Guarantees: a connection is tried at the configured address first (in a pod the Service's virtual IP), then at the
// remembered addresses of default/kubernetes, then at those given on the command line, each a little after the one
// before, so that a node whose netfilter rules are gone still reports why. TLS always verifies the configured host's
// name, so a wrong remembered address can delay us and cannot fool us. A call that overran its deadline is followed by
// Reset: all connections are closed and the address that hung goes to the end of the line.
//
// Expected use: one Client per process. The agent asks it for REST clients on its own small schemes; the controller
// builds its clientset on Config and HTTP. Client.Run keeps the remembered addresses fresh. This package and whatever
// it imports stay free of client-go's kubernetes, scheme and typed packages: they would triple the agent.
package kubeclient
