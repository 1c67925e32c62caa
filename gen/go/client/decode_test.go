package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"hedgerow.internal/gen/go/client"
	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
	"hedgerow.internal/gen/go/hedgerowtest"
)

type place struct {
	Name    string   `json:"name"`
	Climate string   `json:"climate" jsonschema:"enum=arctic,enum=tropical"`
	Country *string  `json:"country"`
	Nearby  []string `json:"nearby,omitempty"`
}

const bouvet = `{"name":"Bouvet Island","climate":"arctic","country":"Norway","nearby":null}`

func question() *chatv1.CompleteRequest {
	return &chatv1.CompleteRequest{Chat: &chatv1.ChatSpec{
		Model:    "fast",
		Messages: []*chatv1.Message{client.TextMessage(chatv1.Role_ROLE_USER, "Where is Bouvet Island?")},
	}}
}

// scripted is a server with a script.
func scripted(t *testing.T, replies ...hedgerowtest.Reply) *hedgerowtest.Server {
	t.Helper()
	server := hedgerowtest.NewServer(t)
	server.Script(replies...)
	return server
}

func TestDecodeReadsTheAnswerIntoTheType(t *testing.T) {
	server := scripted(t, hedgerowtest.Answer{Text: bouvet})
	got, answer, err := client.Decode[place](bounded(t), server.Chat(), question())
	if err != nil {
		t.Fatal(err)
	}
	if got.Name != "Bouvet Island" || got.Climate != "arctic" || got.Country == nil || *got.Country != "Norway" ||
		got.Nearby != nil || answer.GetModel() != "fast" {
		t.Fatalf("got %+v of %v", got, answer)
	}
}

func TestDecodeAsksForTheSchemaOfTheTypeStrictly(t *testing.T) {
	server := scripted(t, hedgerowtest.Answer{Text: bouvet})
	request := question()
	if _, _, err := client.Decode[place](bounded(t), server.Chat(), request); err != nil {
		t.Fatal(err)
	}
	form := server.Requests()[0].Chat.GetResponseFormat().GetJsonSchema()
	want, err := client.Schema[place](true)
	if err != nil {
		t.Fatal(err)
	}
	if form.GetName() != "place" || !form.GetStrict() || form.GetSchema() != want {
		t.Fatalf("asked for %v", form)
	}
	if !proto.Equal(request, question()) {
		t.Fatalf("the caller's request became %v", request)
	}
}

func TestWhatTheRequestSaysOfItsFormatStands(t *testing.T) {
	server := scripted(t, hedgerowtest.Answer{Text: `{"tags":{"a":"b"}}`})
	request := question()
	request.Chat.ResponseFormat = &chatv1.ResponseFormat{Format: &chatv1.ResponseFormat_JsonSchema{
		JsonSchema: &chatv1.JsonSchemaFormat{Name: "tags_of", Description: "What it is about.", Strict: proto.Bool(false)},
	}}
	type tagged struct {
		Tags map[string]string `json:"tags"`
	}
	got, _, err := client.Decode[tagged](bounded(t), server.Chat(), request)
	if err != nil || got.Tags["a"] != "b" {
		t.Fatalf("got %v, %v", got, err)
	}
	form := server.Requests()[0].Chat.GetResponseFormat().GetJsonSchema()
	if form.GetName() != "tags_of" || form.GetDescription() != "What it is about." || form.GetStrict() || form.GetSchema() == "" {
		t.Fatalf("asked for %v", form)
	}
}

func TestATypeThatIsNoObjectTravelsInOne(t *testing.T) {
	server := scripted(t,
		hedgerowtest.Answer{Text: `{"value":[` + bouvet + `]}`}, hedgerowtest.Answer{JSON: map[string]any{"value": 42}})
	list, _, err := client.Decode[[]place](bounded(t), server.Chat(), question())
	if err != nil || len(list) != 1 || list[0].Name != "Bouvet Island" {
		t.Fatalf("got %v, %v", list, err)
	}
	number, _, err := client.Decode[int](bounded(t), server.Chat(), question())
	if err != nil || number != 42 {
		t.Fatalf("got %v, %v", number, err)
	}
	form := server.Requests()[0].Chat.GetResponseFormat().GetJsonSchema()
	if form.GetName() != "place_list" || !strings.HasPrefix(form.GetSchema(), `{"type":"object","properties":{"value":{"type":"array"`) {
		t.Fatalf("asked for %v", form)
	}
}

func TestATypeWithoutAStrictSchemaFailsBeforeTheCall(t *testing.T) {
	server := scripted(t)
	_, answer, err := client.Decode[struct{ Tags map[string]string }](bounded(t), server.Chat(), question())
	if err == nil || !strings.Contains(err.Error(), "answer.Tags: a map[string]string") || answer != nil {
		t.Fatalf("got %v, %v", answer, err)
	}
	if n := len(server.Requests()); n != 0 {
		t.Fatalf("got %d calls, want none", n)
	}
}

func TestAnAnswerWithoutAValueSaysWhy(t *testing.T) {
	finish := func(reason chatv1.FinishReason) hedgerowtest.Answer {
		return hedgerowtest.Answer{Text: bouvet[:20], FinishReason: reason}
	}
	stopped := chatv1.FinishReason_FINISH_REASON_STOP
	calls := []hedgerowtest.ToolCall{{Name: "look_up"}}
	for name, c := range map[string]struct {
		answer hedgerowtest.Answer
		want   error
		text   string
	}{
		"refusal":          {hedgerowtest.Answer{Refusal: "I would rather not."}, client.ErrRefusal, "I would rather not."},
		"refusal, STOP":    {hedgerowtest.Answer{Refusal: "No.", FinishReason: stopped}, client.ErrRefusal, "No."},
		"output limit":     {finish(chatv1.FinishReason_FINISH_REASON_LENGTH), client.ErrTruncated, bouvet[:20]},
		"context limit":    {finish(chatv1.FinishReason_FINISH_REASON_CONTEXT_LENGTH), client.ErrTruncated, bouvet[:20]},
		"budget":           {finish(chatv1.FinishReason_FINISH_REASON_BUDGET), client.ErrTruncated, bouvet[:20]},
		"filter":           {finish(chatv1.FinishReason_FINISH_REASON_CONTENT_FILTER), client.ErrWithheld, bouvet[:20]},
		"guardrail":        {finish(chatv1.FinishReason_FINISH_REASON_GUARDRAIL), client.ErrWithheld, bouvet[:20]},
		"tool calls":       {hedgerowtest.Answer{ToolCalls: calls}, client.ErrToolCalls, ""},
		"tool calls, STOP": {hedgerowtest.Answer{ToolCalls: calls, FinishReason: stopped}, client.ErrToolCalls, ""},
		"malformed":        {finish(chatv1.FinishReason_FINISH_REASON_MALFORMED_OUTPUT), client.ErrMalformedOutput, bouvet[:20]},
		"no JSON":          {hedgerowtest.Answer{Text: "In the south."}, client.ErrInvalidJSON, "In the south."},
		"fenced JSON":      {hedgerowtest.Answer{Text: "```json\n{}\n```"}, client.ErrInvalidJSON, "```json\n{}\n```"},
		"nothing":          {hedgerowtest.Answer{}, client.ErrInvalidJSON, ""},
		"missing member":   {hedgerowtest.Answer{Text: `{"name":"x"}`}, client.ErrSchemaMismatch, `{"name":"x"}`},
		"null member":      {hedgerowtest.Answer{Text: `{"name":null}`}, client.ErrSchemaMismatch, `{"name":null}`},
		"other value":      {hedgerowtest.Answer{Text: `{"name":"x","climate":"mild"}`}, client.ErrSchemaMismatch, `{"name":"x","climate":"mild"}`},
		"other type":       {hedgerowtest.Answer{Text: `{"name":7,"climate":"arctic","country":null}`}, client.ErrSchemaMismatch, `{"name":7,"climate":"arctic","country":null}`},
	} {
		t.Run(name, func(t *testing.T) {
			got, answer, err := client.Decode[place](bounded(t), scripted(t, c.answer).Chat(), question())
			mustBe(t, err, c.want)
			var output *client.OutputError
			if !errors.As(err, &output) || output.Text != c.text || output.Answer != answer || answer == nil {
				t.Fatalf("got %v with %v, and beside it %v", err, output, answer)
			}
			if got.Name != "" || got.Climate != "" {
				t.Fatalf("got the half-read value %+v", got)
			}
			if c.text != "" && strings.Contains(err.Error(), c.text) {
				t.Fatalf("the error line %q holds the answer", err)
			}
		})
	}
}

func TestTheErrorOfEncodingJSONIsBelow(t *testing.T) {
	_, _, err := client.Decode[place](bounded(t), scripted(t, hedgerowtest.Answer{Text: `{"name"`}).Chat(), question())
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) || syntax.Offset != 7 {
		t.Fatalf("got %v", err)
	}
}

func TestAFailedCallOfDecodeIsATypedError(t *testing.T) {
	_, answer, err := client.Decode[place](bounded(t), scripted(t, hedgerowtest.Fault{Reason: client.ReasonForbidden}).Chat(), question())
	if e := mustBeTyped(t, err); e.Code != codes.PermissionDenied || answer != nil {
		t.Fatalf("got %v, %v", answer, err)
	}
}

func TestAStreamedAnswerIsDecodedToo(t *testing.T) {
	server := scripted(t, hedgerowtest.Answer{Text: bouvet})
	format, err := client.ResponseFormat[place]()
	if err != nil {
		t.Fatal(err)
	}
	request := &chatv1.StreamCompleteRequest{Chat: question().GetChat()}
	request.Chat.ResponseFormat = format
	answer, err := client.Collect(client.Stream(context.Background(), server.Chat(), request))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := client.DecodeAnswer[place](answer); err != nil || got.Name != "Bouvet Island" {
		t.Fatalf("got %v, %v", got, err)
	}
}
