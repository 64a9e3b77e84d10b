package report

import (
	"reflect"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// What the API's schema allows. A status beyond it would be refused as a whole, and the node would have none.
const (
	maxChecks  = 64
	maxMessage = 512
)

// fold is the next status after the checks were looked at: the same one, or one with the next sequence.
func fold(status v1alpha1.AgentStatus, checks []v1alpha1.CheckStatus) (next v1alpha1.AgentStatus, changed bool) {
	fitting := make([]v1alpha1.CheckStatus, 0, len(checks))
	for _, c := range checks[:min(len(checks), maxChecks)] {
		if runes := []rune(c.Message); len(runes) > maxMessage {
			c.Message = string(runes[:maxMessage-1]) + "…"
		}
		fitting = append(fitting, c)
	}
	if status.Checks != nil && reflect.DeepEqual(status.Checks, fitting) {
		return status, false
	}
	status.Checks = fitting
	status.Sequence++
	return status, true
}
