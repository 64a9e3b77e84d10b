package kubeapi

import (
	"context"
	"encoding/json"
	"fmt"
)

// Node is what status and up want to know of a node.
type Node struct {
	Name  string
	Ready string // True, False, Unknown or empty
	Zone  string
}

// Nodes lists the nodes that have registered.
func (c *Client) Nodes(ctx context.Context) ([]Node, error) {
	var list struct {
		Items []struct {
			Metadata struct {
				Name   string
				Labels map[string]string
			}
			Status struct {
				Conditions []struct{ Type, Status string }
			}
		}
	}
	if err := c.Get(ctx, "/api/v1/nodes", &list); err != nil {
		return nil, fmt.Errorf("listing nodes: %w", err)
	}
	var nodes []Node
	for _, item := range list.Items {
		node := Node{Name: item.Metadata.Name, Zone: item.Metadata.Labels["topology.kubernetes.io/zone"]}
		for _, condition := range item.Status.Conditions {
			if condition.Type == "Ready" {
				node.Ready = condition.Status
			}
		}
		nodes = append(nodes, node)
	}
	return nodes, nil
}

// Token asks for a token of a service account, good for a day.
func (c *Client) Token(ctx context.Context, namespace, account string) (string, error) {
	request, err := json.Marshal(map[string]any{
		"apiVersion": "authentication.k8s.io/v1",
		"kind":       "TokenRequest",
		"spec":       map[string]any{"expirationSeconds": 24 * 60 * 60},
	})
	if err != nil {
		return "", err
	}
	var answer struct{ Status struct{ Token string } }
	path := fmt.Sprintf("/api/v1/namespaces/%s/serviceaccounts/%s/token", namespace, account)
	if err := c.call(ctx, "POST", path, request, &answer); err != nil {
		return "", fmt.Errorf("asking for a token of %s/%s: %w", namespace, account, err)
	}
	return answer.Status.Token, nil
}
