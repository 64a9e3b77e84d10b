package bed

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Where `make images` puts what it makes, and what the images are called.
const (
	AgentProgram      = "bulkhead-agent"
	ControllerProgram = "bulkhead-controller"
	Registry          = "test.bulkhead.dev"
	Tag               = "dev"
)

// LoadOurs imports the images of agent and controller into every node.
func (b *Bed) LoadOurs(ctx context.Context) error {
	return b.LoadImages(ctx, b.Bin(AgentProgram+".tar"), b.Bin(ControllerProgram+".tar"))
}

// Built is the commit that the agent was built from, with -dirty if the tree had changes. A result is that of what ran, not
// of what the tree holds by the time it is written down.
func (b *Bed) Built(ctx context.Context) string {
	version, err := exec.CommandContext(ctx, b.Bin(AgentProgram), "--version").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(version))
}

// Install installs the chart with these values, a YAML document, and the images of `make images`. It does not wait for
// pods.
func (b *Bed) Install(ctx context.Context, values string) error {
	file := filepath.Join(os.TempDir(), fmt.Sprintf("bulkhead-values-%d.yaml", os.Getpid()))
	if err := os.WriteFile(file, []byte(values), 0o600); err != nil {
		return err
	}
	defer os.Remove(file)
	_, err := b.Helm(ctx, "install", "bulkhead", filepath.Join(b.Root, "charts", "bulkhead"),
		"--namespace", "bulkhead-system", "--create-namespace", "--values", file,
		"--set", "image.registry="+Registry, "--set", "image.tag="+Tag, "--set", "image.pullPolicy=Never")
	return err
}

// Uninstall removes the release. It returns when the chart's clean-up is done, and does not wait for pods: those of a
// node whose runtime is dead cannot end.
func (b *Bed) Uninstall(ctx context.Context) error {
	_, err := b.Helm(ctx, "uninstall", "bulkhead", "--namespace", "bulkhead-system")
	return err
}

// agentUnit runs an agent on the host itself, as a person would who does not want it to depend on the runtime it judges.
const agentUnit = `[Unit]
Description=Bulkhead agent
StartLimitIntervalSec=0
[Service]
ExecStart=/opt/bulkhead/bulkhead-agent --config=/opt/bulkhead/agent.yaml
Restart=always
RestartSec=1
`

// InstallHostAgent runs the agent of a node as a systemd unit on the node, with a token bound to its Node. config is its
// configuration file but for the node's name and the kubeconfig; its token is also in /opt/bulkhead/token. Files inside a node are gone after a power-off.
func (b *Bed) InstallHostAgent(ctx context.Context, node, config string) error {
	token, err := b.agentToken(ctx, node)
	if err != nil {
		return err
	}
	kubeconfig, err := b.kubeconfigWith(ctx, token)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bulkhead-host-agent")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if _, err := b.Exec(ctx, node, "mkdir", "-p", "/opt/bulkhead"); err != nil {
		return err
	}
	if err := b.Push(ctx, node, b.Bin(AgentProgram), "/opt/bulkhead/bulkhead-agent"); err != nil {
		return err
	}
	for destination, text := range map[string]string{
		"/opt/bulkhead/agent.kubeconfig":                 kubeconfig,
		"/opt/bulkhead/token":                            token,
		"/opt/bulkhead/agent.yaml":                       config + "\nnodeName: " + node + "\nkubeconfig: /opt/bulkhead/agent.kubeconfig\n",
		"/usr/lib/systemd/system/bulkhead-agent.service": agentUnit,
	} {
		file := filepath.Join(dir, filepath.Base(destination))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return err
		}
		if err := b.Push(ctx, node, file, destination); err != nil {
			return err
		}
	}
	_, err = b.Exec(ctx, node, "bash", "-c", "systemctl daemon-reload && systemctl restart bulkhead-agent")
	return err
}

// agentToken is a token of the agent's account that names the node, as admission asks for.
func (b *Bed) agentToken(ctx context.Context, node string) (string, error) {
	uid, err := b.Kubectl(ctx, "get", "node", node, "-o", "jsonpath={.metadata.uid}")
	if err != nil {
		return "", err
	}
	token, err := b.Kubectl(ctx, "create", "token", "bulkhead-agent", "--namespace", "bulkhead-system", "--duration", "24h",
		"--bound-object-kind", "Node", "--bound-object-name", node, "--bound-object-uid", strings.TrimSpace(uid))
	return strings.TrimSpace(token), err
}

// AgentKubeconfig is a kubeconfig of the agent's account with a token that names the node, as admission asks for.
func (b *Bed) AgentKubeconfig(ctx context.Context, node string) (string, error) {
	token, err := b.agentToken(ctx, node)
	if err != nil {
		return "", err
	}
	return b.kubeconfigWith(ctx, token)
}

func (b *Bed) kubeconfigWith(ctx context.Context, token string) (string, error) {
	var values [2]string
	for i, argv := range [][]string{
		{"config", "view", "--raw", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}"},
		{"config", "view", "--raw", "--minify", "--flatten", "-o", "jsonpath={.clusters[0].cluster.certificate-authority-data}"},
	} {
		out, err := b.Kubectl(ctx, argv...)
		if err != nil {
			return "", err
		}
		values[i] = strings.TrimSpace(out)
	}
	return fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: %q, certificate-authority-data: %q}}]
users: [{name: u, user: {token: %q}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
`, values[0], values[1], token), nil
}
