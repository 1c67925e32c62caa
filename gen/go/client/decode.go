package client

import (
	"context"
	"encoding/json"
	"reflect"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"hedgerow.internal/gen/go/client/internal/schema"
	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
)

// Decode calls Complete for an answer in the form of T, and reads the answer into a T.
//
//	type Place struct {
//		Name    string   `json:"name"`
//		Country *string  `json:"country" jsonschema:"The country that it belongs to."`
//		Climate string   `json:"climate" jsonschema:"enum=arctic,enum=temperate,enum=tropical"`
//		Nearby  []string `json:"nearby,omitempty"`
//	}
//
//	place, answer, err := client.Decode[Place](ctx, stub, request)
//
// The request's response_format is set to the schema of T, as [Schema] describes it, under the name of the type; the
// request itself is not changed. What the request says in response_format.json_schema already stands: a name, a
// description, a schema of its own, and strict, which is true unless it is set to false.
//
// The error is an [*Error] when the call failed, and an [*OutputError] when there is an answer but no value, because the
// model declined, was cut, called tools instead or wrote something else: the answer is returned beside it. It is of
// neither kind when T has no schema.
func Decode[T any](ctx context.Context, stub chatv1.ChatServiceClient, request *chatv1.CompleteRequest,
	options ...grpc.CallOption,
) (value T, answer *chatv1.CompleteResponse, err error) {
	format, err := formatOf[T](request.GetChat().GetResponseFormat().GetJsonSchema())
	if err != nil {
		return value, nil, err
	}
	request = orNew(shallow(request))
	request.Chat = orNew(shallow(request.Chat))
	request.Chat.ResponseFormat = format
	answer, err = stub.Complete(ctx, request, options...)
	if err != nil {
		return value, nil, FromError(err, nil)
	}
	value, err = DecodeAnswer[T](answer)
	return value, answer, err
}

// DecodeAnswer reads an answer into a T that was asked for in the form of T, for example with [ResponseFormat] and
// [Stream]. It fails with an [*OutputError].
//
// Text that does not follow the schema is an error too where [encoding/json] would make a zero value of it: a member of a
// struct that is missing without being optional, or is null, and a value that is not in its list. Members that T does not
// know are ignored.
func DecodeAnswer[T any](answer *chatv1.CompleteResponse) (value T, err error) {
	if cause := unusable(answer); cause != nil {
		return value, outputError(answer, cause, nil)
	}
	t := reflect.TypeFor[T]()
	form, err := schema.For(t, false)
	if err != nil {
		return value, err
	}
	text := []byte(Text(answer.GetMessage()))
	if !json.Valid(text) {
		return value, outputError(answer, ErrInvalidJSON, json.Unmarshal(text, new(any)))
	}
	if err := form.Check(text); err != nil {
		return value, outputError(answer, ErrSchemaMismatch, err)
	}
	if err := unmarshal(text, &value, schema.Wrapped(t)); err != nil {
		return value, outputError(answer, ErrSchemaMismatch, err)
	}
	return value, nil
}

// unmarshal leaves no half-read value beside an error.
func unmarshal[T any](text []byte, value *T, wrapped bool) error {
	var read struct{ Value T }
	var target any = &read
	if !wrapped {
		target = &read.Value
	}
	if err := json.Unmarshal(text, target); err != nil {
		return err
	}
	*value = read.Value
	return nil
}

// ResponseFormat is what makes a model answer in the form of T, for ChatSpec.response_format of any call, such as one of
// [Stream]; [DecodeAnswer] then reads the answer. The schema is that of [Schema], to be enforced strictly.
func ResponseFormat[T any]() (*chatv1.ResponseFormat, error) { return formatOf[T](nil) }

// formatOf fills in what is not given.
func formatOf[T any](given *chatv1.JsonSchemaFormat) (*chatv1.ResponseFormat, error) {
	format := orNew(shallow(given))
	if format.Strict == nil {
		format.Strict = proto.Bool(true)
	}
	t := reflect.TypeFor[T]()
	if format.Name == "" {
		format.Name = schema.Name(t)
	}
	if format.Schema == "" {
		text, err := schemaOf(t, format.GetStrict())
		if err != nil {
			return nil, err
		}
		format.Schema = text
	}
	return &chatv1.ResponseFormat{Format: &chatv1.ResponseFormat_JsonSchema{JsonSchema: format}}, nil
}

func orNew[T any](message *T) *T {
	if message == nil {
		return new(T)
	}
	return message
}

// shallow copies a message but not what it holds, which may be megabytes of images.
func shallow[M proto.Message](message M) M {
	source := message.ProtoReflect()
	if !source.IsValid() {
		return message
	}
	target := source.New()
	source.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		target.Set(field, value)
		return true
	})
	target.SetUnknown(source.GetUnknown())
	return target.Interface().(M)
}
