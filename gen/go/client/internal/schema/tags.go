package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// listed is a tag that holds keywords and not only a description.
var listed = regexp.MustCompile(`^(required|[A-Za-z]+=)`)

// annotate adds to a property's schema what its tags say of it: `jsonschema:"description=…,enum=a,enum=b"`, with "\\,"
// for a comma, or only a description, `jsonschema:"Where it is."`; or `jsonschema_description:"…"`.
func annotate(s *Schema, tag reflect.StructTag) (*Schema, error) {
	var keywords []string
	text := tag.Get("jsonschema")
	description := tag.Get("jsonschema_description")
	if listed.MatchString(text) {
		keywords = splitKeywords(text)
	} else if text != "" {
		description = text
	}
	if description != "" {
		keywords = append(keywords, "description="+description)
	}
	if len(keywords) == 0 {
		return s, nil
	}
	if s.Ref != "" || s.raw != nil {
		s = &Schema{AnyOf: []*Schema{s}} // providers take no other keyword beside $ref
	}
	for _, keyword := range keywords {
		name, value, _ := strings.Cut(keyword, "=")
		if err := s.set(name, value); err != nil {
			return nil, fmt.Errorf("tag jsonschema: %s: %w", keyword, err)
		}
	}
	return s, nil
}

// splitKeywords splits at commas that no backslash stands before.
func splitKeywords(text string) []string {
	const escaped = "\x00"
	parts := strings.Split(strings.ReplaceAll(text, `\,`, escaped), ",")
	for i, part := range parts {
		parts[i] = strings.ReplaceAll(part, escaped, ",")
	}
	return parts
}

func (s *Schema) set(name, value string) (err error) {
	switch name {
	case "required": // what has neither omitempty nor omitzero is; other packages know the word
	case "title":
		s.Title = value
	case "description":
		s.Description = value
	case "format":
		s.Format = value
	case "pattern":
		s.Pattern = value
	case "enum":
		err = s.addEnum(value)
	case "minimum":
		s.Minimum, err = number(value)
	case "maximum":
		s.Maximum, err = number(value)
	case "exclusiveMinimum":
		s.ExclusiveMinimum, err = number(value)
	case "exclusiveMaximum":
		s.ExclusiveMaximum, err = number(value)
	case "multipleOf":
		s.MultipleOf, err = number(value)
	case "minLength":
		s.MinLength, err = count(value)
	case "maxLength":
		s.MaxLength, err = count(value)
	case "minItems":
		s.MinItems, err = count(value)
	case "maxItems":
		s.MaxItems, err = count(value)
	default:
		err = errors.New("unknown keyword")
	}
	return err
}

// addEnum adds a value that is allowed; of a list, one that its items may have.
func (s *Schema) addEnum(text string) error {
	if s.Items != nil {
		return s.Items.addEnum(text)
	}
	kind, _ := s.Type.(string)
	if kinds, ok := s.Type.([]string); ok {
		kind = kinds[0]
	}
	var value any = text
	switch kind {
	case "string":
	case "integer", "number":
		n, err := number(text)
		if err != nil {
			return err
		}
		value = n
	default:
		return errors.New("only strings and numbers have a list of values")
	}
	if n := len(s.Enum); n > 0 && s.Enum[n-1] == nil {
		s.Enum = s.Enum[:n-1]
	}
	s.Enum = append(s.Enum, value)
	if s.nullable {
		s.Enum = append(s.Enum, nil)
	}
	return nil
}

func number(text string) (json.Number, error) {
	if _, err := strconv.ParseFloat(text, 64); err != nil || !json.Valid([]byte(text)) {
		return "", errors.New("not a number")
	}
	return json.Number(text), nil
}

func count(text string) (*int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return nil, errors.New("not a count")
	}
	return &n, nil
}
