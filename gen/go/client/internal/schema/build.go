package schema

import (
	"encoding"
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Exposer is a type that gives its schema itself, as the text of a JSON object. The name is the one that other packages
// for schemas know.
type Exposer interface {
	JSONSchemaBytes() ([]byte, error)
}

// Wrapper is the one member of the object that stands for a type whose JSON is no object, such as a slice.
const Wrapper = "value"

// For makes the schema of a type. Its root is always an object, because providers want one; Wrapped says where one was
// put around the type. With strict, every property is required and optional ones may be null, as providers want it who
// then enforce the schema; types of which they cannot enforce the schema, maps and interfaces, are an error.
func For(t reflect.Type, strict bool) (*Schema, error) {
	b := builder{strict: strict, refs: make(map[reflect.Type]string), taken: make(map[string]bool), defs: newProperties()}
	root := indirect(t)
	if Wrapped(t) {
		inner, err := b.of(t, Name(t))
		if err != nil {
			return nil, err
		}
		properties := newProperties()
		properties.set(Wrapper, inner)
		return &Schema{
			Type: "object", Properties: properties, Required: properties.names, AdditionalProperties: false,
			Defs: b.definitions(),
		}, nil
	}
	if root.Kind() == reflect.Struct && root.Name() != "" {
		b.refs[root] = "#"
	}
	s, err := b.content(root, Name(t))
	if err != nil {
		return nil, err
	}
	s.Defs = b.definitions()
	return s, nil
}

// Wrapped says whether the type's JSON is no object, so that an object is put around it.
func Wrapped(t reflect.Type) bool {
	root := indirect(t)
	if reflect.PointerTo(root).Implements(exposer) {
		return false // it says itself what it is
	}
	_, known := knownTypes[root]
	return known || root.Kind() != reflect.Map && (root.Kind() != reflect.Struct || readsText(root))
}

var (
	exposer         = reflect.TypeFor[Exposer]()
	unmarshaler     = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

	folders    = regexp.MustCompile(`[\w.~-]*/`)
	notInNames = regexp.MustCompile(`[^A-Za-z0-9_-]+`)

	// knownTypes are the types of the standard library that read JSON in a way of their own.
	knownTypes = map[reflect.Type]Schema{
		reflect.TypeFor[time.Time]():       {Type: "string", Format: "date-time"},
		reflect.TypeFor[time.Duration]():   {Type: "integer", Description: "Nanoseconds."},
		reflect.TypeFor[[]byte]():          {Type: "string", Description: "Bytes in base64."},
		reflect.TypeFor[json.Number]():     {Type: "number"},
		reflect.TypeFor[big.Int]():         {Type: "integer"},
		reflect.TypeFor[json.RawMessage](): {},
	}
)

// Name is a name for the schema of a type, of at most 64 letters, digits, underscores and hyphens.
func Name(t reflect.Type) string {
	t = indirect(t)
	if t.Name() != "" {
		return cleanName(t.Name())
	}
	if t.Kind() == reflect.Slice || t.Kind() == reflect.Array {
		return cleanName(Name(t.Elem()) + "_list")
	}
	return "answer"
}

// cleanName leaves out what names may not have. Of type arguments, such as those of Page[example.com/geo.Place], it keeps
// the last words.
func cleanName(name string) string {
	name = notInNames.ReplaceAllString(folders.ReplaceAllString(name, ""), "_")
	return strings.TrimRight(name[:min(len(name), 64)], "_")
}

func indirect(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

func readsText(t reflect.Type) bool { return reflect.PointerTo(t).Implements(textUnmarshaler) }

// builder makes one schema with its definitions.
type builder struct {
	strict bool
	refs   map[reflect.Type]string // of named structs, set before their fields are looked at, because those may refer to them
	taken  map[string]bool
	defs   *Properties
}

func (b *builder) definitions() *Properties {
	if len(b.defs.names) == 0 {
		return nil
	}
	return b.defs
}

// of is the schema of a type where it is used: a reference for a named struct. The path, such as "Place.Tags", is for
// errors.
func (b *builder) of(t reflect.Type, path string) (*Schema, error) {
	if t.Kind() == reflect.Pointer {
		s, err := b.of(indirect(t), path)
		if err != nil {
			return nil, err
		}
		return s.orNull(), nil
	}
	if t.Kind() != reflect.Struct || t.Name() == "" || special(t) {
		return b.content(t, path)
	}
	ref, known := b.refs[t]
	if !known {
		name := b.unique(Name(t))
		ref = "#/$defs/" + name
		b.refs[t] = ref
		b.defs.set(name, nil) // its place in the order
		s, err := b.content(t, Name(t))
		if err != nil {
			return nil, err
		}
		b.defs.set(name, s)
	}
	return &Schema{Ref: ref}, nil
}

// unique tells types of one name and different packages apart.
func (b *builder) unique(name string) string {
	free := name
	for n := 2; b.taken[free]; n++ {
		free = name + strconv.Itoa(n)
	}
	b.taken[free] = true
	return free
}

// special says whether the type reads JSON in a way of its own, whatever its kind.
func special(t reflect.Type) bool {
	_, known := knownTypes[t]
	pointer := reflect.PointerTo(t)
	return known || pointer.Implements(exposer) || pointer.Implements(unmarshaler) || pointer.Implements(textUnmarshaler)
}

// content is the schema of a type itself.
func (b *builder) content(t reflect.Type, path string) (*Schema, error) {
	if special(t) {
		return b.special(t, path)
	}
	switch t.Kind() {
	case reflect.String:
		return &Schema{Type: "string"}, nil
	case reflect.Bool:
		return &Schema{Type: "boolean"}, nil
	case reflect.Float32, reflect.Float64:
		return &Schema{Type: "number"}, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return &Schema{Type: "integer"}, nil
	case reflect.Slice, reflect.Array:
		return b.list(t, path)
	case reflect.Map:
		return b.mapping(t, path)
	case reflect.Struct:
		return b.structure(t, path)
	case reflect.Interface:
		return b.anything(t, path)
	default:
		return nil, fmt.Errorf("%s: JSON has no %v", path, t)
	}
}

func (b *builder) special(t reflect.Type, path string) (*Schema, error) {
	if reflect.PointerTo(t).Implements(exposer) {
		return exposed(t, path)
	}
	if known, ok := knownTypes[t]; ok {
		if known.Type == nil && b.strict {
			return nil, notStrict(t, path)
		}
		known.nullable = known.Type == nil
		return &known, nil
	}
	if reflect.PointerTo(t).Implements(unmarshaler) {
		return nil, fmt.Errorf("%s: %v reads JSON by itself; give it a method JSONSchemaBytes() ([]byte, error)", path, t)
	}
	return &Schema{Type: "string"}, nil
}

func exposed(t reflect.Type, path string) (*Schema, error) {
	raw, err := reflect.New(t).Interface().(Exposer).JSONSchemaBytes()
	if err != nil {
		return nil, fmt.Errorf("%s: the schema of %v: %w", path, t, err)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, fmt.Errorf("%s: the schema of %v is no JSON object: %w", path, t, err)
	}
	return &Schema{raw: raw}, nil
}

func (b *builder) list(t reflect.Type, path string) (*Schema, error) {
	items, err := b.of(t.Elem(), path+"[]")
	if err != nil {
		return nil, err
	}
	s := &Schema{Type: "array", Items: items}
	if t.Kind() == reflect.Array {
		n := t.Len()
		s.MinItems, s.MaxItems = &n, &n
	}
	return s, nil
}

func (b *builder) mapping(t reflect.Type, path string) (*Schema, error) {
	if b.strict {
		return nil, notStrict(t, path)
	}
	values, err := b.of(t.Elem(), path+"[]")
	if err != nil {
		return nil, err
	}
	return &Schema{Type: "object", AdditionalProperties: values}, nil
}

func (b *builder) anything(t reflect.Type, path string) (*Schema, error) {
	if t.NumMethod() > 0 {
		return nil, fmt.Errorf("%s: encoding/json cannot tell which type to make for %v", path, t)
	}
	if b.strict {
		return nil, notStrict(t, path)
	}
	return &Schema{nullable: true}, nil
}

// notStrict is the error of a type that only a schema which is not enforced can have.
func notStrict(t reflect.Type, path string) error {
	return fmt.Errorf("%s: a %v cannot be in a schema that is enforced strictly; use a struct, or set strict to false", path, t)
}

func (b *builder) structure(t reflect.Type, path string) (*Schema, error) {
	s := &Schema{Type: "object", Properties: newProperties(), AdditionalProperties: false}
	for _, f := range fieldsOf(t) {
		property, err := b.property(f, path+"."+f.goName)
		if err != nil {
			return nil, err
		}
		s.Properties.set(f.name, property)
		s.Properties.optional[f.name] = f.optional
		if b.strict || !f.optional {
			s.Required = append(s.Required, f.name)
		}
	}
	return s, nil
}

func (b *builder) property(f field, path string) (*Schema, error) {
	s, err := b.of(f.typ, path)
	if err != nil {
		return nil, err
	}
	if f.quoted {
		s = &Schema{Type: "string"}
	}
	if s, err = annotate(s, f.tag); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if f.optional {
		s = s.orNull()
	}
	return s, nil
}
