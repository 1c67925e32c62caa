package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Check finds what encoding/json would pass over: a member that is missing or null and so would become a zero value, and
// a value that is not in its list. Types are left to encoding/json, and bounds and patterns to the provider.
func (s *Schema) Check(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return err
	}
	return s.check(s, value, "$")
}

// check compares with a part of the schema; the path is in the notation of JSONPath.
func (s *Schema) check(part *Schema, value any, path string) error {
	for part.Ref != "" {
		part = s.resolve(part.Ref)
	}
	if part.raw != nil {
		return nil
	}
	if value == nil {
		if part.nullable {
			return nil
		}
		return fmt.Errorf("%s is null", path)
	}
	if len(part.AnyOf) > 0 { // the other one is null
		return s.check(part.AnyOf[0], value, path)
	}
	if len(part.Enum) > 0 && !within(part.Enum, value) {
		return fmt.Errorf("%s is none of the values that it may have", path)
	}
	switch v := value.(type) {
	case map[string]any:
		return s.checkObject(part, v, path)
	case []any:
		for i, item := range v {
			if part.Items == nil {
				break
			}
			if err := s.check(part.Items, item, path+"["+strconv.Itoa(i)+"]"); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Schema) checkObject(part *Schema, members map[string]any, path string) error {
	if values, isMap := part.AdditionalProperties.(*Schema); isMap {
		for name, value := range members {
			if err := s.check(values, value, path+"."+name); err != nil {
				return err
			}
		}
	}
	if part.Properties == nil {
		return nil
	}
	for _, name := range part.Properties.names {
		value, there := find(members, name)
		if !there {
			if part.Properties.optional[name] {
				continue
			}
			return fmt.Errorf("%s.%s is missing", path, name)
		}
		if err := s.check(part.Properties.schemas[name], value, path+"."+name); err != nil {
			return err
		}
	}
	return nil
}

// find is the member of this name, in whatever case where there is none in the right one: as encoding/json takes it.
func find(members map[string]any, name string) (any, bool) {
	if value, there := members[name]; there {
		return value, true
	}
	for other, value := range members {
		if strings.EqualFold(other, name) {
			return value, true
		}
	}
	return nil, false
}

func (s *Schema) resolve(ref string) *Schema {
	if ref == "#" {
		return s
	}
	return s.Defs.schemas[strings.TrimPrefix(ref, "#/$defs/")]
}

// within compares numbers by their value: 1.0 is 1.
func within(list []any, value any) bool {
	for _, allowed := range list {
		a, isNumber := allowed.(json.Number)
		b, alsoNumber := value.(json.Number)
		if isNumber && alsoNumber {
			x, errX := a.Float64()
			y, errY := b.Float64()
			if errX == nil && errY == nil && x == y {
				return true
			}
		} else if allowed == value {
			return true
		}
	}
	return false
}
