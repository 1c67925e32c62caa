package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log"
	"time"

	"google.golang.org/protobuf/proto"

	"hedgerow.internal/gen/go/client"
	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
	commonv1 "hedgerow.internal/gen/go/hedgerow/common/v1"
	embedv1 "hedgerow.internal/gen/go/hedgerow/embed/v1"
	"hedgerow.internal/gen/go/hedgerowtest"
)

func ExampleDial() {
	conn, err := client.Dial("dns:///hedgerow.example:50051", client.WithBearerToken(client.StaticToken("my-key")))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	stub := chatv1.NewChatServiceClient(conn)

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	answer, err := stub.Complete(ctx, &chatv1.CompleteRequest{Chat: &chatv1.ChatSpec{
		Model:    "fast",
		Messages: []*chatv1.Message{client.TextMessage(chatv1.Role_ROLE_USER, "Where is Bouvet Island?")},
	}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.Text(answer.GetMessage()))
}

func ExampleStream() {
	stub, end := exampleChat()
	defer end()
	for event, err := range client.Stream(context.Background(), stub, exampleRequest("fast")) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(event.GetTextDelta().GetText())
		if done := event.GetCompleted(); done != nil {
			fmt.Printf("\n%v, %d tokens\n", done.GetFinishReason(), done.GetUsage().GetOutputTokens())
		}
	}
	// Output:
	// In the Southern Ocean.
	// FINISH_REASON_STOP, 5 tokens
}

func ExampleCollect() {
	stub, end := exampleChat()
	defer end()
	request := exampleRequest("fast")
	answer, err := client.Collect(client.Stream(context.Background(), stub, request))
	if err != nil {
		log.Fatal(err)
	}
	request.Chat.Messages = append(request.Chat.Messages, answer.GetMessage()) // and the next question
	fmt.Println(client.Text(answer.GetMessage()))
	// Output: In the Southern Ocean.
}

// Fold shows an answer while it comes, and still has the whole of it in the end.
func ExampleFold() {
	stub, end := exampleChat()
	defer end()
	var fold client.Fold
	for event, err := range client.Stream(context.Background(), stub, exampleRequest("fast")) {
		if err == nil {
			err = fold.Add(event)
		}
		if err != nil {
			log.Fatalf("%v, after %q", err, client.Text(fold.Partial().GetMessage()))
		}
		fmt.Printf("%s|", event.GetTextDelta().GetText())
	}
	answer, err := fold.Answer()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.GetModel())
	// Output: |In the |Southern Ocean.||model-1
}

func ExampleError() {
	stub, end := exampleChat()
	defer end()
	_, err := client.Collect(client.Stream(context.Background(), stub, exampleRequest("fsat")))
	var failed *client.Error
	if errors.Is(err, client.ReasonModelNotFound) && errors.As(err, &failed) {
		fmt.Println(failed.Code, failed.Metadata["model"], failed.Retryable())
	}
	// Output: NotFound fsat false
}

func ExampleStreamEmbed() {
	stub, end := exampleEmbed()
	defer end()
	var items iter.Seq[*embedv1.StreamEmbedItem] = func(yield func(*embedv1.StreamEmbedItem) bool) {
		for i, words := range []string{"hedge", "row"} {
			item := &embedv1.StreamEmbedItem{
				Id:    fmt.Sprint("document-", i),
				Input: &embedv1.EmbedInput{Input: &embedv1.EmbedInput_Text{Text: words}},
			}
			if !yield(item) {
				return
			}
		}
	}
	settings := &embedv1.StreamEmbedOptions{Model: "embed-small"}
	for answer, err := range client.StreamEmbed(context.Background(), stub, settings, items) {
		if err != nil {
			log.Fatal(err)
		}
		if err := client.ItemError(answer); err != nil {
			fmt.Println(answer.GetId(), err)
		} else if vector := answer.GetEmbedding(); vector != nil {
			fmt.Println(answer.GetId(), vector.GetValues())
		}
	}
	// Output:
	// document-0 [1]
	// document-1 [2]
}

// ExampleDecode asks for an answer in the form of a struct.
func ExampleDecode() {
	stub, end := exampleChat()
	defer end()
	type Place struct {
		Name    string  `json:"name"`
		Climate string  `json:"climate" jsonschema:"enum=arctic,enum=temperate,enum=tropical"`
		Country *string `json:"country" jsonschema:"The country that it belongs to."`
	}
	request := &chatv1.CompleteRequest{Chat: exampleRequest("structured").GetChat()}
	place, answer, err := client.Decode[Place](context.Background(), stub, request)
	if errors.Is(err, client.ErrRefusal) || errors.Is(err, client.ErrTruncated) {
		log.Fatalf("no place in %q", client.Text(answer.GetMessage()))
	} else if err != nil {
		log.Fatal(err)
	}
	fmt.Println(place.Name, place.Climate, *place.Country)
	// Output: Bouvet Island arctic Norway
}

// ExampleSchema makes the parameters of a tool of a struct.
func ExampleSchema() {
	type Lookup struct {
		Place string `json:"place" jsonschema:"Its English name."`
		Limit int    `json:"limit,omitempty" jsonschema:"minimum=1,maximum=10"`
	}
	parameters, err := client.Schema[Lookup](true)
	if err != nil {
		log.Fatal(err)
	}
	tool := &chatv1.FunctionTool{Name: "look_up", Parameters: parameters, Strict: proto.Bool(true)}
	fmt.Println(tool.GetParameters())
	// Output: {"type":"object","properties":{"place":{"type":"string","description":"Its English name."},"limit":{"type":["integer","null"],"minimum":1,"maximum":10}},"required":["place","limit"],"additionalProperties":false}
}

// ExampleToolResult goes on until the model has got all that it wants to know.
func ExampleToolResult() {
	stub, end := exampleChat()
	defer end()
	run := func(call *chatv1.ToolCall) *chatv1.Part {
		var arguments struct{ Place string }
		if err := json.Unmarshal([]byte(call.GetArguments()), &arguments); err != nil {
			return client.ToolFailure(call, err.Error()) // the model may try again
		}
		return client.ToolResult(call, arguments.Place+" is at 54 degrees south.")
	}
	chat := exampleRequest("with-tools").GetChat()
	for range 5 { // so that it ends
		answer, err := stub.Complete(context.Background(), &chatv1.CompleteRequest{Chat: chat})
		if err != nil {
			log.Fatal(err)
		}
		calls := client.ToolCalls(answer.GetMessage())
		if len(calls) == 0 {
			fmt.Println(client.Text(answer.GetMessage()))
			return
		}
		results := &chatv1.Message{Role: chatv1.Role_ROLE_TOOL}
		for _, call := range calls {
			results.Content = append(results.Content, run(call))
		}
		chat.Messages = append(chat.Messages, answer.GetMessage(), results)
	}
	// Output: Far south: 54 degrees.
}

func exampleRequest(model string) *chatv1.StreamCompleteRequest {
	question := client.TextMessage(chatv1.Role_ROLE_USER, "Where is Bouvet Island?")
	return &chatv1.StreamCompleteRequest{Chat: &chatv1.ChatSpec{Model: model, Messages: []*chatv1.Message{question}}}
}

// exampleServer is a gateway that knows the models of the examples, and a function that ends it.
func exampleServer() (*hedgerowtest.Server, func()) {
	server, err := hedgerowtest.Start(hedgerowtest.WithModels("fast", "structured", "with-tools"))
	if err != nil {
		log.Fatal(err)
	}
	server.ScriptFor("fast", hedgerowtest.Answer{
		Chunks: []string{"In the ", "Southern Ocean."}, Model: "model-1", Usage: &commonv1.Usage{OutputTokens: 5},
	})
	server.ScriptFor("structured", hedgerowtest.Answer{
		JSON: map[string]string{"name": "Bouvet Island", "climate": "arctic", "country": "Norway"},
	})
	server.ScriptFor("with-tools",
		hedgerowtest.Answer{ToolCalls: []hedgerowtest.ToolCall{{Name: "look_up", Arguments: `{"place":"Bouvet Island"}`}}},
		hedgerowtest.Answer{Text: "Far south: 54 degrees."},
	)
	server.ScriptEmbed(hedgerowtest.Vectors{Values: [][]float32{{1}, {2}}})
	return server, server.Close
}

func exampleChat() (chatv1.ChatServiceClient, func()) {
	server, end := exampleServer()
	return server.Chat(), end
}

func exampleEmbed() (embedv1.EmbedServiceClient, func()) {
	server, end := exampleServer()
	return server.Embed(), end
}
