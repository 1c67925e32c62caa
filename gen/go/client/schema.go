package client

import (
	"fmt"
	"reflect"

	"hedgerow.internal/gen/go/client/internal/schema"
)

// Schema is the JSON Schema of T: what JSON [encoding/json] reads into a T without a loss. It is for FunctionTool.parameters
// and for JsonSchemaFormat.schema; [Decode] makes it by itself. With strict it is one that providers enforce: every
// property is required, and those that are optional may be null instead.
//
//   - The names are those of the tag json. Fields with omitempty or omitzero are optional; pointers may be null. Embedded
//     structs are part of the struct that embeds them. The order of the fields is kept: models write in it.
//   - Objects take no other properties. Named structs are definitions, so that they may be recursive.
//   - [time.Time] is a string in RFC 3339, []byte one in base64, [time.Duration] a number of nanoseconds; what implements
//     [encoding.TextUnmarshaler] is a string.
//   - A type that implements [json.Unmarshaler] needs a method JSONSchemaBytes() ([]byte, error) that gives its schema.
//   - Maps, interfaces and [json.RawMessage] have no strict schema.
//   - T that is no object in JSON, such as a slice, becomes an object with the one property "value".
//
// The tag jsonschema says more of a field: a description alone, as in `jsonschema:"Degrees north."`, or keywords,
// `jsonschema:"description=Degrees north\\, in decimals.,minimum=-90,maximum=90"`. They are title, description, format,
// pattern, enum (once for each value; of a list, those of its items), minimum, maximum, exclusiveMinimum,
// exclusiveMaximum, multipleOf, minLength, maxLength, minItems and maxItems. Not all providers take all of these; title,
// description and enum they do. The tag jsonschema_description is a description in which commas need no backslash.
//
// An error names the field: of a type that JSON does not have, of one that strict rules out, or of a bad tag.
func Schema[T any](strict bool) (string, error) { return schemaOf(reflect.TypeFor[T](), strict) }

func schemaOf(t reflect.Type, strict bool) (string, error) {
	s, err := schema.For(t, strict)
	if err != nil {
		return "", fmt.Errorf("hedgerow: %w", err)
	}
	return s.Text()
}
