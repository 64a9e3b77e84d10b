package publish

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// patchOf is a merge patch that makes the status so, whatever it was, and leaves status.agent alone. A merge patch
// keeps what it does not mention, so every field is mentioned, and an empty one is null.
func patchOf(s v1alpha1.NodeHealthStatus) ([]byte, error) {
	fields, err := whole(s)
	if err != nil {
		return nil, err
	}
	delete(fields, "agent")
	if s.Lease != nil {
		if fields["lease"], err = whole(*s.Lease); err != nil {
			return nil, err
		}
	}
	if s.Isolation != nil {
		isolation, err := whole(*s.Isolation)
		if err != nil {
			return nil, err
		}
		if s.Isolation.Withheld != nil {
			if isolation["withheld"], err = whole(*s.Isolation.Withheld); err != nil {
				return nil, err
			}
		}
		fields["isolation"] = isolation
	}
	return json.Marshal(map[string]any{"status": fields})
}

// whole is a struct as a JSON object in which no field is left out.
func whole(v any) (map[string]any, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding a status: %w", err)
	}
	fields := map[string]any{}
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, fmt.Errorf("encoding a status: %w", err)
	}
	t := reflect.TypeOf(v)
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if _, ok := fields[name]; !ok {
			fields[name] = nil
		}
	}
	return fields, nil
}
