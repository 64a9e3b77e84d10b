package config

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"sigs.k8s.io/yaml"
)

// A Validator is a configuration that knows what makes no sense in itself. Validate returns Problems or nil.
type Validator interface {
	Validate() error
}

// Load reads the YAML file at path strictly over def and validates the result. An empty path means def alone.
func Load[T Validator](path string, def T) (T, error) {
	if path == "" {
		return def, def.Validate()
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return def, fmt.Errorf("reading the configuration: %w; check --config", err)
	}
	loaded, err := Parse(data, def)
	return loaded, inFile(path, err)
}

// Parse is Load for bytes already read. def must hold no pointers the caller goes on using.
func Parse[T Validator](data []byte, def T) (T, error) {
	asJSON, err := yaml.YAMLToJSONStrict(data)
	if err != nil {
		return def, notYAML(err)
	}
	var tree any
	if err := json.Unmarshal(asJSON, &tree); err != nil {
		return def, notYAML(err)
	}
	if tree == nil { // an empty file
		return def, def.Validate()
	}
	if problems := shapeOf(tree, def); len(problems) > 0 {
		return def, problems
	}
	if err := json.Unmarshal(asJSON, &def); err != nil {
		return def, Problems{{Message: err.Error()}}
	}
	return def, def.Validate()
}

func notYAML(err error) Problems {
	text := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "yaml: "), "unmarshal errors:")
	return Problems{{Message: "this is not valid YAML: " + strings.Join(strings.Fields(text), " ")}}
}
