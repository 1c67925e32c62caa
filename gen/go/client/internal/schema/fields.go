package schema

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
)

// field is a member of an object as encoding/json sees it.
type field struct {
	name     string
	goName   string
	typ      reflect.Type
	tag      reflect.StructTag
	optional bool // omitempty, omitzero or reached through an embedded pointer
	quoted   bool // a number or boolean in a string
	tagged   bool // the name is from the tag
	index    []int
}

// embedded is a struct whose fields are looked at, and how it is reached.
type embedded struct {
	typ      reflect.Type
	index    []int
	optional bool
}

// fieldsOf are the fields that encoding/json reads, in the order of the struct. Those of embedded structs count as the
// struct's own; of several with one name the least deep wins, then one whose tag names it, and else none.
func fieldsOf(t reflect.Type) []field {
	var all []field
	seen := map[reflect.Type]bool{}
	for level := []embedded{{typ: t}}; len(level) > 0; {
		var next []embedded
		for _, e := range level {
			if seen[e.typ] {
				continue
			}
			seen[e.typ] = true
			own, deeper := e.fields()
			all, next = append(all, own...), append(next, deeper...)
		}
		level = next
	}
	byName := map[string][]field{}
	for _, f := range all {
		byName[f.name] = append(byName[f.name], f)
	}
	var visible []field
	for _, rivals := range byName {
		slices.SortStableFunc(rivals, stronger)
		if len(rivals) == 1 || stronger(rivals[0], rivals[1]) != 0 {
			visible = append(visible, rivals[0])
		}
	}
	slices.SortFunc(visible, func(a, b field) int { return slices.Compare(a.index, b.index) })
	return visible
}

func stronger(a, b field) int {
	if order := cmp.Compare(len(a.index), len(b.index)); order != 0 || a.tagged == b.tagged {
		return order
	}
	if a.tagged {
		return -1
	}
	return 1
}

func (e embedded) fields() (own []field, deeper []embedded) {
	for i := range e.typ.NumField() {
		f := e.typ.Field(i)
		tag := f.Tag.Get("json")
		inner := indirect(f.Type)
		isStruct := inner.Kind() == reflect.Struct
		if tag == "-" || !f.IsExported() && !(f.Anonymous && isStruct) {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		index := append(slices.Clone(e.index), i)
		if f.Anonymous && name == "" && isStruct && !special(inner) {
			deeper = append(deeper, embedded{inner, index, e.optional || f.Type.Kind() == reflect.Pointer})
			continue
		}
		flags := strings.Split(options, ",")
		own = append(own, field{
			name: cmp.Or(name, f.Name), goName: f.Name, typ: f.Type, tag: f.Tag, index: index, tagged: name != "",
			optional: e.optional || slices.Contains(flags, "omitempty") || slices.Contains(flags, "omitzero"),
			quoted:   slices.Contains(flags, "string") && quotable(inner),
		})
	}
	return own, deeper
}

// quotable says whether the option "string" of a tag has a meaning for the type. Strings in strings are left out: models
// would hardly write them.
func quotable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Bool, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	default:
		return false
	}
}
