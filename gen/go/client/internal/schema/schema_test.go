package schema_test

import (
	"encoding/json"
	"math/big"
	"net/netip"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"hedgerow.internal/gen/go/client/internal/schema"
)

type node struct {
	Value    int     `json:"value"`
	Children []*node `json:"children"`
	Parent   *node   `json:"parent,omitempty"`
}

type point struct {
	Lat, Lon float64
}

type based struct {
	ID   string `json:"id"`
	Note string `json:"note"`
}

type page[T any] struct {
	Items []T `json:"items"`
}

type exposing struct{}

func (exposing) JSONSchemaBytes() ([]byte, error) {
	return []byte(`{"type":"string","format":"uuid"}`), nil
}

type selfReading struct{}

func (*selfReading) UnmarshalJSON([]byte) error { return nil }

func text(t *testing.T, kind reflect.Type, strict bool) string {
	t.Helper()
	s, err := schema.For(kind, strict)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Text()
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid([]byte(got)) {
		t.Fatalf("not JSON: %s", got)
	}
	return got
}

// properties is the schema of an object of these properties, all of them required.
func properties(members string) string {
	names := regexp.MustCompile(`"(\w+)":\{`).FindAllStringSubmatch(members, -1)
	var required []string
	for _, name := range names {
		required = append(required, `"`+name[1]+`"`)
	}
	return `{"type":"object","properties":{` + members + `},"required":[` + strings.Join(required, ",") + `],"additionalProperties":false}`
}

func TestStrictSchemas(t *testing.T) {
	for name, c := range map[string]struct {
		kind reflect.Type
		want string
	}{
		"scalars": {
			reflect.TypeFor[struct {
				S string
				B bool
				I int64
				U uint8
				F float32
			}](),
			properties(`"S":{"type":"string"},"B":{"type":"boolean"},"I":{"type":"integer"},"U":{"type":"integer"},"F":{"type":"number"}`),
		},
		"optional fields and pointers may be null": {
			reflect.TypeFor[struct {
				A string  `json:"a,omitempty"`
				B *int    `json:"b"`
				C []bool  `json:"c,omitzero"`
				D *string `json:"d,omitempty" jsonschema:"enum=x,enum=y"`
			}](),
			properties(`"a":{"type":["string","null"]},"b":{"type":["integer","null"]},` +
				`"c":{"type":["array","null"],"items": {"type":"boolean"}},"d":{"type":["string","null"],"enum":["x","y",null]}`),
		},
		"lists and arrays": {
			reflect.TypeFor[struct {
				L [][]string
				A [2]int
			}](),
			properties(`"L":{"type":"array","items": {"type":"array","items": {"type":"string"}}},` +
				`"A":{"type":"array","minItems":2,"maxItems":2,"items": {"type":"integer"}}`),
		},
		"types that read JSON in a way of their own": {
			reflect.TypeFor[struct {
				T time.Time
				D time.Duration
				B []byte
				N json.Number
				I *big.Int
				A netip.Addr
				E exposing
			}](),
			properties(`"T":{"type":"string","format":"date-time"},"D":{"type":"integer","description":"Nanoseconds."},` +
				`"B":{"type":"string","description":"Bytes in base64."},"N":{"type":"number"},"I":{"type":["integer","null"]},` +
				`"A":{"type":"string"},"E":{"type":"string","format":"uuid"}`),
		},
		"keywords": {
			reflect.TypeFor[struct {
				A float64  `jsonschema:"description=From <0\\, up.,minimum=0,exclusiveMaximum=1.5,multipleOf=0.5"`
				B string   `jsonschema:"title=Bee,pattern=^b+$,format=email,minLength=1,maxLength=3"`
				C []string `jsonschema:"required,enum=x,enum=y,minItems=1,maxItems=2"`
				D int      `jsonschema:"enum=1,enum=2"`
				E string   `jsonschema:"Only words, with a comma."`
				F string   `jsonschema_description:"More, words."`
			}](),
			properties(`"A":{"type":"number","description":"From <0, up.","minimum":0,"exclusiveMaximum":1.5,"multipleOf":0.5},` +
				`"B":{"type":"string","title":"Bee","format":"email","pattern":"^b+$","minLength":1,"maxLength":3},` +
				`"C":{"type":"array","minItems":1,"maxItems":2,"items": {"type":"string","enum":["x","y"]}},` +
				`"D":{"type":"integer","enum":[1,2]},"E":{"type":"string","description":"Only words, with a comma."},` +
				`"F":{"type":"string","description":"More, words."}`),
		},
		"names are those of encoding/json": {
			reflect.TypeFor[struct {
				A      string `json:"-"`
				B      string `json:"-,"`
				C      int    `json:"c,string"`
				hidden string
			}](),
			strings.Replace(properties(`"X":{"type":"string"},"c":{"type":"string"}`), `"X"`, `"-"`, 2),
		},
		"a recursive struct refers to the root": {
			reflect.TypeFor[node](),
			properties(`"value":{"type":"integer"},"children":{"type":"array","items": {"anyOf":[{"$ref":"#"},{"type":"null"}]}},` +
				`"parent":{"anyOf":[{"$ref":"#"},{"type":"null"}]}`),
		},
		"a described reference stands in anyOf": {
			reflect.TypeFor[struct {
				At point `jsonschema:"Where."`
			}](),
			strings.TrimSuffix(properties(`"At":{"description":"Where.","anyOf":[{"$ref":"#/$defs/point"}]}`), "}") +
				`,"$defs":{"point":` + properties(`"Lat":{"type":"number"},"Lon":{"type":"number"}`) + `}}`,
		},
		"type arguments name definitions": {
			reflect.TypeFor[struct{ P page[point] }](),
			strings.TrimSuffix(properties(`"P":{"$ref":"#/$defs/page_schema_test_point"}`), "}") +
				`,"$defs":{"page_schema_test_point":` + properties(`"items":{"type":"array","items": {"$ref":"#/$defs/point"}}`) +
				`,"point":` + properties(`"Lat":{"type":"number"},"Lon":{"type":"number"}`) + `}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			// The blank tells the schema's own keyword items from a property for properties().
			if got, want := text(t, c.kind, true), strings.ReplaceAll(c.want, `"items": {`, `"items":{`); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestEmbeddedStructsArePartOfTheirStruct(t *testing.T) {
	type deeper struct {
		Note string `json:"note" jsonschema:"hidden by the less deep one"`
		Far  bool   `json:"far"`
	}
	type withPointer struct {
		*deeper
		based
		ID int `json:"id"`
	}
	want := `{"type":"object","properties":{"far":{"type":["boolean","null"]},"id":{"type":"integer"}},` +
		`"required":["far","id"],"additionalProperties":false}`
	// Both embedded structs have a note at the same depth: encoding/json reads neither.
	if got := text(t, reflect.TypeFor[withPointer](), true); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestTheSchemaHasTheFieldsThatEncodingJSONWrites compares with the library itself.
func TestTheSchemaHasTheFieldsThatEncodingJSONWrites(t *testing.T) {
	type tagged struct {
		X string `json:"name"`
	}
	type untagged struct{ Name, name string }
	type inner struct {
		A, B int
		C    string `json:"c"`
	}
	type named struct {
		inner `json:"inner"`
		Inner inner `json:"I"`
	}
	for _, value := range []any{
		struct {
			tagged
			untagged
		}{},
		struct {
			inner
			A string
		}{},
		named{},
		struct{ page[int] }{},
		struct {
			node
			based
		}{},
	} {
		written, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		var members map[string]any
		if err := json.Unmarshal(written, &members); err != nil {
			t.Fatal(err)
		}
		var got struct{ Properties map[string]any }
		if err := json.Unmarshal([]byte(text(t, reflect.TypeOf(value), false)), &got); err != nil {
			t.Fatal(err)
		}
		for name := range members {
			if _, there := got.Properties[name]; !there {
				t.Errorf("%T: no property %q in %v", value, name, got.Properties)
			}
		}
		if _, optional := got.Properties["parent"]; len(got.Properties) != len(members) && !optional {
			t.Errorf("%T: got the properties %v, want those of %s", value, got.Properties, written)
		}
	}
}

func TestALooseSchemaTakesMapsAndLeavesOutWhatIsOptional(t *testing.T) {
	got := text(t, reflect.TypeFor[struct {
		M map[string][]int `json:"m"`
		A any              `json:"a"`
		R json.RawMessage  `json:"r"`
		O string           `json:"o,omitempty"`
	}](), false)
	want := `{"type":"object","properties":{"m":{"type":"object","additionalProperties":{"type":"array","items":{"type":"integer"}}},` +
		`"a":{},"r":{},"o":{"type":["string","null"]}},"required":["m","a","r"],"additionalProperties":false}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestTypesWithoutASchemaAreNamedWithTheirField(t *testing.T) {
	for want, kind := range map[string]reflect.Type{
		"answer.F: JSON has no func()":                           reflect.TypeFor[struct{ F func() }](),
		"answer.C[]: JSON has no chan int":                       reflect.TypeFor[struct{ C []chan int }](),
		"answer.S: schema_test.selfReading reads JSON by itself": reflect.TypeFor[struct{ S selfReading }](),
		"answer.E: encoding/json cannot tell":                    reflect.TypeFor[struct{ E error }](),
		"answer.A: a interface {} cannot be":                     reflect.TypeFor[struct{ A any }](),
		"answer.R: a json.RawMessage cannot be":                  reflect.TypeFor[struct{ R json.RawMessage }](),
		"answer: a map[string]int cannot be":                     reflect.TypeFor[map[string]int](),
		"answer.T: tag jsonschema: size=3: unknown keyword": reflect.TypeFor[struct {
			T string `jsonschema:"size=3"`
		}](),
		"answer.T: tag jsonschema: minimum=low: not a number": reflect.TypeFor[struct {
			T int `jsonschema:"minimum=low"`
		}](),
		"answer.T: tag jsonschema: minItems=-1: not a count": reflect.TypeFor[struct {
			T []int `jsonschema:"minItems=-1"`
		}](),
		"answer.T: tag jsonschema: enum=true: only strings": reflect.TypeFor[struct {
			T bool `jsonschema:"enum=true"`
		}](),
	} {
		if _, err := schema.For(kind, true); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s…", err, want)
		}
	}
}

func TestNamesAreWhatTheContractTakes(t *testing.T) {
	type Über struct{}
	allowed := regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	for _, kind := range []reflect.Type{
		reflect.TypeFor[node](), reflect.TypeFor[*node](), reflect.TypeFor[[]node](), reflect.TypeFor[[][]node](),
		reflect.TypeFor[page[page[page[node]]]](), reflect.TypeFor[struct{ A int }](), reflect.TypeFor[map[string]int](),
		reflect.TypeFor[int](), reflect.TypeFor[Über](),
	} {
		if name := schema.Name(kind); !allowed.MatchString(name) {
			t.Errorf("%v: got the name %q", kind, name)
		}
	}
}

func TestCheckFindsWhatEncodingJSONPassesOver(t *testing.T) {
	type leaf struct {
		Kind string  `json:"kind" jsonschema:"enum=a,enum=b"`
		Size float64 `json:"size" jsonschema:"enum=1,enum=2.5"`
	}
	type tree struct {
		Leaf   leaf            `json:"leaf"`
		Leaves []leaf          `json:"leaves,omitempty"`
		ByName map[string]leaf `json:"by_name,omitempty"`
		Sub    *tree           `json:"sub"`
	}
	s, err := schema.For(reflect.TypeFor[tree](), false)
	if err != nil {
		t.Fatal(err)
	}
	const good = `{"kind":"a","size":1.0}`
	for text, want := range map[string]string{
		`{"leaf":` + good + `,"sub":null}`:                                      "",
		`{"LEAF":` + good + `,"sub":{"leaf":` + good + `,"sub":null}}`:          "",
		`{"leaf":` + good + `,"sub":null,"leaves":null,"other":1}`:              "",
		`{"leaf":` + good + `}`:                                                 "$.sub is missing",
		`{"leaf":null,"sub":null}`:                                              "$.leaf is null",
		`{"leaf":{"kind":"c","size":1},"sub":null}`:                             "$.leaf.kind is none of the values that it may have",
		`{"leaf":{"kind":"a","size":2},"sub":null}`:                             "$.leaf.size is none of the values that it may have",
		`{"leaf":` + good + `,"sub":{"leaf":` + good + `}}`:                     "$.sub.sub is missing",
		`{"leaf":` + good + `,"sub":null,"leaves":[` + good + `,{"kind":"a"}]}`: "$.leaves[1].size is missing",
		`{"leaf":` + good + `,"sub":null,"by_name":{"x":{"kind":"","size":1}}}`: "$.by_name.x.kind is none of the values that it may have",
		`null`: "$ is null",
	} {
		got := ""
		if err := s.Check([]byte(text)); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}
