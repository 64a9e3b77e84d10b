package report

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

func TestFold(t *testing.T) {
	since := metav1.NewMicroTime(time.Now())
	healthy := v1alpha1.CheckStatus{Name: "kubelet", State: v1alpha1.CheckHealthy, Since: &since}
	dead := v1alpha1.CheckStatus{Name: "kubelet", State: v1alpha1.CheckUnhealthy, Since: &since, Message: "refused"}
	silent := dead
	silent.Message = "silent"
	for name, c := range map[string]struct {
		from, to []v1alpha1.CheckStatus
		changed  bool
	}{
		"the first status":           {nil, []v1alpha1.CheckStatus{healthy}, true},
		"no checks at all":           {nil, nil, true},
		"still no checks":            {[]v1alpha1.CheckStatus{}, nil, false},
		"the same":                   {[]v1alpha1.CheckStatus{dead}, []v1alpha1.CheckStatus{dead}, false},
		"another state":              {[]v1alpha1.CheckStatus{healthy}, []v1alpha1.CheckStatus{dead}, true},
		"another message":            {[]v1alpha1.CheckStatus{dead}, []v1alpha1.CheckStatus{silent}, true},
		"a check that left the list": {[]v1alpha1.CheckStatus{dead}, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			next, changed := fold(v1alpha1.AgentStatus{Sequence: 7, BootID: "b", Checks: c.from}, c.to)
			require.Equal(t, c.changed, changed)
			require.Equal(t, map[bool]int64{true: 8, false: 7}[changed], next.Sequence)
			require.Equal(t, "b", next.BootID)
			require.Len(t, next.Checks, len(c.to))
			_, again := fold(next, c.to)
			require.False(t, again)
		})
	}
}

func TestFold_FitsTheSchema(t *testing.T) {
	long := v1alpha1.CheckStatus{Name: "a", Message: strings.Repeat("ö", 600)}
	next, _ := fold(v1alpha1.AgentStatus{}, append(make([]v1alpha1.CheckStatus, 70), long))
	require.Len(t, next.Checks, 64)
	next, _ = fold(v1alpha1.AgentStatus{}, []v1alpha1.CheckStatus{long})
	require.Len(t, []rune(next.Checks[0].Message), 512)
	require.True(t, strings.HasSuffix(next.Checks[0].Message, "ö…"))
	_, again := fold(next, []v1alpha1.CheckStatus{long})
	require.False(t, again)
}
