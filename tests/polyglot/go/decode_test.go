package polyglot

import (
	"encoding/json"
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"

	"hedgerow.internal/gen/go/client"
	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
)

type place struct {
	Name     string   `json:"name"`
	Climate  string   `json:"climate" jsonschema:"enum=arctic,enum=tropical"`
	Country  *string  `json:"country" jsonschema:"The country that it belongs to."`
	Position position `json:"position" jsonschema:"Where it is."`
}

type position struct {
	Latitude float64 `json:"latitude" jsonschema:"minimum=-90,maximum=90"`
}

// TestDecodeAsksTheModelForTheStruct has the simulated provider write JSON by the schema that reached it.
func TestDecodeAsksTheModelForTheStruct(t *testing.T) {
	got, answer, err := client.Decode[place](bounded(t), dialChat(t), ask("fast"))
	if err != nil {
		t.Fatal(err)
	}
	if got.Name == "" || got.Climate != "arctic" && got.Climate != "tropical" ||
		got.Position.Latitude < -90 || got.Position.Latitude > 90 || answer.GetUsage().GetOutputTokens() == 0 {
		t.Fatalf("got %+v of %v", got, answer)
	}
}

func TestDecodeOfAListAndOfAStreamedAnswer(t *testing.T) {
	if _, _, err := client.Decode[[]position](bounded(t), dialChat(t), ask("fast")); err != nil {
		t.Errorf("a list: %v", err)
	}
	format, err := client.ResponseFormat[position]()
	if err != nil {
		t.Fatal(err)
	}
	request := askStream("fast")
	request.Chat.ResponseFormat = format
	answer, err := client.Collect(client.Stream(bounded(t), dialChat(t), request))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.DecodeAnswer[position](answer); err != nil {
		t.Errorf("a stream: %v", err)
	}
}

func TestACutAnswerIsNoValue(t *testing.T) {
	request := ask("fast")
	request.Chat.MaxOutputTokens = proto.Int32(3)
	_, answer, err := client.Decode[place](bounded(t), dialChat(t), request)
	if !errors.Is(err, client.ErrTruncated) || answer.GetFinishReason() != chatv1.FinishReason_FINISH_REASON_LENGTH {
		t.Fatalf("got %v, %v", answer, err)
	}
}

// TestAToolIsCalledByTheSchemaOfAStruct goes the whole way: definition, call, result, answer.
func TestAToolIsCalledByTheSchemaOfAStruct(t *testing.T) {
	parameters, err := client.Schema[position](true)
	if err != nil {
		t.Fatal(err)
	}
	request := ask("fast")
	request.Chat.Messages[0] = client.TextMessage(chatv1.Role_ROLE_USER, "Please call look_up.")
	request.Chat.Tools = []*chatv1.Tool{{Tool: &chatv1.Tool_Function{
		Function: &chatv1.FunctionTool{Name: "look_up", Parameters: parameters, Strict: proto.Bool(true)},
	}}}
	stub := dialChat(t)
	answer, err := stub.Complete(bounded(t), request)
	if err != nil {
		t.Fatal(err)
	}
	calls := client.ToolCalls(answer.GetMessage())
	if len(calls) != 1 {
		t.Fatalf("got the calls %v of %v", calls, answer)
	}
	var arguments position
	if err := json.Unmarshal([]byte(calls[0].GetArguments()), &arguments); err != nil {
		t.Fatal(err)
	}
	request.Chat.Messages = append(request.Chat.Messages, answer.GetMessage(), &chatv1.Message{
		Role: chatv1.Role_ROLE_TOOL, Content: []*chatv1.Part{client.ToolResult(calls[0], "the sea")},
	})
	answer, err = stub.Complete(bounded(t), request)
	if err != nil || answer.GetFinishReason() != chatv1.FinishReason_FINISH_REASON_STOP {
		t.Fatalf("got %v, %v", answer, err)
	}
}
