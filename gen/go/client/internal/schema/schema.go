// Package schema makes the JSON Schema of a Go type as encoding/json reads it, within what providers take for output that
// is bound to a schema: every object is closed, definitions are in $defs, and there is no oneOf, allOf or default.
package schema

import (
	"bytes"
	"encoding/json"
)

// Schema is one JSON Schema (draft 2020-12, the part of it that types need).
type Schema struct {
	Ref                  string      `json:"$ref,omitempty"`
	Type                 any         `json:"type,omitempty"` // a string, or []string with "null" last
	Title                string      `json:"title,omitempty"`
	Description          string      `json:"description,omitempty"`
	Format               string      `json:"format,omitempty"`
	Pattern              string      `json:"pattern,omitempty"`
	Enum                 []any       `json:"enum,omitempty"`
	Minimum              json.Number `json:"minimum,omitempty"`
	Maximum              json.Number `json:"maximum,omitempty"`
	ExclusiveMinimum     json.Number `json:"exclusiveMinimum,omitempty"`
	ExclusiveMaximum     json.Number `json:"exclusiveMaximum,omitempty"`
	MultipleOf           json.Number `json:"multipleOf,omitempty"`
	MinLength            *int        `json:"minLength,omitempty"`
	MaxLength            *int        `json:"maxLength,omitempty"`
	MinItems             *int        `json:"minItems,omitempty"`
	MaxItems             *int        `json:"maxItems,omitempty"`
	Items                *Schema     `json:"items,omitempty"`
	Properties           *Properties `json:"properties,omitempty"`
	Required             []string    `json:"required,omitempty"`
	AdditionalProperties any         `json:"additionalProperties,omitempty"` // false, or the *Schema of a map's values
	AnyOf                []*Schema   `json:"anyOf,omitempty"`
	Defs                 *Properties `json:"$defs,omitempty"`

	raw      json.RawMessage // the schema that a type gives of itself
	nullable bool            // null is a value too
}

// MarshalJSON writes the schema that a type gives of itself as it is.
func (s *Schema) MarshalJSON() ([]byte, error) {
	if s.raw != nil {
		return s.raw, nil
	}
	type plain Schema
	return marshal((*plain)(s))
}

// Properties are named schemas in their order, which models follow when they write.
type Properties struct {
	names   []string
	schemas map[string]*Schema
	// optional names what an answer need not have, even where Required has it because the provider wants it so.
	optional map[string]bool
}

func newProperties() *Properties {
	return &Properties{schemas: make(map[string]*Schema), optional: make(map[string]bool)}
}

func (p *Properties) set(name string, s *Schema) {
	if _, known := p.schemas[name]; !known {
		p.names = append(p.names, name)
	}
	p.schemas[name] = s
}

// MarshalJSON writes an object in the order of the properties.
func (p *Properties) MarshalJSON() ([]byte, error) {
	var object bytes.Buffer
	object.WriteByte('{')
	for i, name := range p.names {
		if i > 0 {
			object.WriteByte(',')
		}
		key, err := marshal(name)
		if err != nil {
			return nil, err
		}
		value, err := marshal(p.schemas[name])
		if err != nil {
			return nil, err
		}
		object.Write(key)
		object.WriteByte(':')
		object.Write(value)
	}
	object.WriteByte('}')
	return object.Bytes(), nil
}

// marshal leaves <, > and & as they are: descriptions are for models and patterns for parsers.
func marshal(value any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimRight(text.Bytes(), "\n"), nil
}

// Text is the schema as JSON.
func (s *Schema) Text() (string, error) {
	text, err := marshal(s)
	return string(text), err
}

// orNull is the schema with null as a further value.
func (s *Schema) orNull() *Schema {
	if s.nullable {
		return s
	}
	if name, simple := s.Type.(string); simple && s.raw == nil {
		s.Type, s.nullable = []string{name, "null"}, true
		if s.Enum != nil {
			s.Enum = append(s.Enum, nil)
		}
		return s
	}
	if s.AnyOf != nil {
		s.AnyOf, s.nullable = append(s.AnyOf, &Schema{Type: "null", nullable: true}), true
		return s
	}
	if s.raw == nil && s.Ref == "" {
		s.nullable = true // an empty schema takes everything
		return s
	}
	return &Schema{AnyOf: []*Schema{s, {Type: "null", nullable: true}}, nullable: true}
}
