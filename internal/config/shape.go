package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// shapeOf compares a decoded YAML tree with a Go type and returns every difference. encoding/json would stop at the
// first one and name only the last key of its path.
func shapeOf(tree any, like any) Problems {
	var problems Problems
	walk(&problems, "", tree, reflect.TypeOf(like))
	return problems
}

var (
	durationType    = reflect.TypeFor[metav1.Duration]()
	unmarshalerType = reflect.TypeFor[json.Unmarshaler]()
)

func walk(problems *Problems, path string, value any, t reflect.Type) {
	if value == nil { // "key:" with nothing behind it leaves the default, as in Kubernetes
		return
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == durationType:
		walkDuration(problems, path, value)
	case reflect.PointerTo(t).Implements(unmarshalerType):
		walkLeaf(problems, path, value, t)
	case t.Kind() == reflect.Struct:
		walkStruct(problems, path, value, t)
	case t.Kind() == reflect.Map:
		walkMap(problems, path, value, t)
	case t.Kind() == reflect.Slice:
		walkSlice(problems, path, value, t)
	default:
		walkLeaf(problems, path, value, t)
	}
}

func walkStruct(problems *Problems, path string, value any, t reflect.Type) {
	object, ok := value.(map[string]any)
	if !ok {
		problems.Add(path, "expected a map of keys, found %s", found(value))
		return
	}
	fields := fieldsOf(t)
	for _, key := range slices.Sorted(maps.Keys(object)) {
		field, known := fields[key]
		if !known {
			problems.Add(join(path, key), "unknown key; %s", hint(key, slices.Sorted(maps.Keys(fields))))
			continue
		}
		walk(problems, join(path, key), object[key], field)
	}
}

func walkMap(problems *Problems, path string, value any, t reflect.Type) {
	object, ok := value.(map[string]any)
	if !ok {
		problems.Add(path, "expected a map of keys, found %s", found(value))
		return
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		walk(problems, join(path, key), object[key], t.Elem())
	}
}

func walkSlice(problems *Problems, path string, value any, t reflect.Type) {
	list, ok := value.([]any)
	if !ok {
		problems.Add(path, "expected a list, found %s", found(value))
		return
	}
	for i, element := range list {
		walk(problems, fmt.Sprintf("%s[%d]", path, i), element, t.Elem())
	}
}

func walkDuration(problems *Problems, path string, value any) {
	text, ok := value.(string)
	if !ok {
		problems.Add(path, "%s is not a duration; write it with a unit, like 3s or 500ms", found(value))
		return
	}
	var d metav1.Duration
	if err := d.UnmarshalJSON(quote(text)); err != nil {
		problems.Add(path, "%q is not a duration; write it like 3s, 500ms or 1h30m", text)
	}
}

// walkLeaf lets encoding/json judge one value, so that there is one opinion of what fits into a type.
func walkLeaf(problems *Problems, path string, value any, t reflect.Type) {
	data, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(data, reflect.New(t).Interface())
	}
	if err != nil {
		problems.Add(path, "expected %s, found %s", describe(t), found(value))
	}
}

// fieldsOf maps the JSON names of a struct to their types. Embedded structs without a name of their own are flattened.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for i := range t.NumField() {
		field := t.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case name == "-" || !field.IsExported():
		case name == "" && field.Anonymous:
			maps.Copy(fields, fieldsOf(field.Type))
		case name == "":
			fields[field.Name] = field.Type
		default:
			fields[name] = field.Type
		}
	}
	return fields
}

func describe(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int32, reflect.Int64:
		return "a whole number"
	case reflect.Uint, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number of 0 or more"
	case reflect.Float32, reflect.Float64:
		return "a number"
	default:
		return "a " + t.String()
	}
}

func found(value any) string {
	switch v := value.(type) {
	case map[string]any:
		return "a map"
	case []any:
		return "a list"
	case string:
		return fmt.Sprintf("%q", v)
	default:
		return fmt.Sprint(v)
	}
}

func quote(s string) []byte {
	data, _ := json.Marshal(s) // a string always marshals
	return data
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
