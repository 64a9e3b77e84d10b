package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

const (
	// askAgain is the pause between two looks at what is needed.
	askAgain = 2 * time.Second
	// sayAgain is how often what is missing is said while it stays so.
	sayAgain = time.Minute
	// needsTimeout bounds one look.
	needsTimeout = 10 * time.Second
)

// kinds are what the CRDs must bring.
var kinds = []string{"nodehealths", "nodehealths/status", "nodeisolationpolicies", "nodeisolationpolicies/status", "protectionlocks", "isolationledgers"}

// need is a right: verbs on a resource. An empty namespace means all of them.
type need struct {
	group, resource, namespace, name string
	verbs                            string
}

// needs are all rights of a controller. The chart grants them; a controller that lacks one does not begin to act, for it
// would find out in the middle.
func needs(system string) []need {
	return []need{
		{"", "nodes", "", "", "get list watch patch"},
		{"", "pods", "", "", "list delete"},
		{"", "pods/eviction", "", "", "create"},
		{"apps", "daemonsets", "", "", "list watch"},
		{"bulkhead.dev", "nodehealths", "", "", "get list watch create"},
		{"bulkhead.dev", "nodehealths/status", "", "", "patch"},
		{"bulkhead.dev", "nodeisolationpolicies", "", "", "list watch create"},
		{"bulkhead.dev", "nodeisolationpolicies/status", "", "", "patch"},
		{"bulkhead.dev", "protectionlocks", "", "", "list watch"},
		{"bulkhead.dev", "isolationledgers", "", "", "create"},
		{"bulkhead.dev", "isolationledgers", "", v1alpha1.LedgerName, "get update"},
		{"coordination.k8s.io", "leases", "kube-node-lease", "", "get list watch"},
		{"coordination.k8s.io", "leases", v1alpha1.HeartbeatNamespace, "", "get list watch create update patch delete"},
		{"coordination.k8s.io", "leases", system, "", "create"},
		{"coordination.k8s.io", "leases", system, leaderLease, "get update"},
		{"events.k8s.io", "events", metav1.NamespaceDefault, "", "create patch"},
	}
}

// awaitNeeds waits until the API server answers, the CRDs are there and every right is granted. It says what is missing
// when that changes, and once a minute. It returns false if ctx ended first.
func (k *controller) awaitNeeds(ctx context.Context) bool {
	said, at := "", time.Time{}
	for {
		missing := k.missing(ctx)
		if ctx.Err() != nil {
			return false
		}
		if missing == nil {
			if said != "" {
				k.log.Info("everything needed is there now")
			}
			return true
		}
		text := missing.Error()
		k.notReady(text)
		if text != said || time.Since(at) >= sayAgain {
			said, at = text, time.Now()
			k.log.Error("cannot guard this cluster yet, waiting", "err", text)
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(askAgain):
		}
	}
}

// missing says what is missing and what to do about it, nil if nothing is.
func (k *controller) missing(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, needsTimeout)
	defer cancel()
	if err := k.missingKinds(ctx); err != nil {
		return err
	}
	var denied []string
	for _, n := range needs(k.config.Namespace) {
		for verb := range strings.FieldsSeq(n.verbs) {
			allowed, err := k.mayI(ctx, n, verb)
			if err != nil {
				return k.unanswered(err)
			}
			if !allowed {
				denied = append(denied, n.say(verb))
			}
		}
	}
	if len(denied) > 0 {
		return fmt.Errorf("not allowed to %s; grant it to this controller's identity, as charts/bulkhead/templates/controller/rbac.yaml does", strings.Join(denied, ", "))
	}
	return nil
}

func (k *controller) missingKinds(ctx context.Context) error {
	list := &metav1.APIResourceList{}
	err := k.clients.bulkhead.Discovery().RESTClient().Get().AbsPath("/apis/" + v1alpha1.SchemeGroupVersion.String()).Do(ctx).Into(list)
	switch {
	case apierrors.IsNotFound(err):
		return fmt.Errorf("the cluster does not know %s; install the CRDs in charts/bulkhead/templates/crds, or the chart", v1alpha1.SchemeGroupVersion)
	case err != nil:
		return k.unanswered(err)
	}
	known := map[string]bool{}
	for _, r := range list.APIResources {
		known[r.Name] = true
	}
	var absent []string
	for _, kind := range kinds {
		if !known[kind] {
			absent = append(absent, kind)
		}
	}
	if len(absent) > 0 {
		return fmt.Errorf("the cluster does not know %s in %s; install the CRDs in charts/bulkhead/templates/crds, or the chart", strings.Join(absent, ", "), v1alpha1.SchemeGroupVersion)
	}
	return nil
}

func (k *controller) mayI(ctx context.Context, n need, verb string) (bool, error) {
	resource, sub, _ := strings.Cut(n.resource, "/")
	review, err := k.clients.kube.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, &authorizationv1.SelfSubjectAccessReview{
		Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: n.namespace, Verb: verb, Group: n.group, Resource: resource, Subresource: sub, Name: n.name,
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		return false, err
	}
	return review.Status.Allowed, nil
}

func (n need) say(verb string) string {
	s := verb + " " + n.resource
	if n.group != "" {
		s += "." + n.group
	}
	if n.name != "" {
		s += " " + n.name
	}
	if n.namespace != "" {
		s += " in " + n.namespace
	}
	return s
}

func (k *controller) unanswered(err error) error {
	if apierrors.IsUnauthorized(err) {
		return fmt.Errorf("the API server at %s does not accept our credentials: %w; check --kubeconfig or the service account", k.clients.api.Config().Host, err)
	}
	if status := apierrors.APIStatus(nil); errors.As(err, &status) {
		return fmt.Errorf("the API server at %s answers with an error: %w", k.clients.api.Config().Host, err)
	}
	return fmt.Errorf("the API server at %s does not answer: %w; check the address and the network", k.clients.api.Config().Host, err)
}
