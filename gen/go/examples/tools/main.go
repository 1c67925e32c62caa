// Tools asks a question, runs the functions that the model calls, and goes on until it answers.
//
// Usage:
//
//	go run ./examples/tools [-target HOST:PORT] [-model NAME] [-tls] [-timeout DURATION] PROMPT…
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"hedgerow.internal/gen/go/client"
	"hedgerow.internal/gen/go/examples/internal/program"
	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
)

// maxTurns bounds the loop: a model may call tools for ever.
const maxTurns = 8

// localTimeArguments are what the model is to give.
type localTimeArguments struct {
	Offset int `json:"offset" jsonschema:"description=Hours east of Greenwich.,minimum=-12,maximum=14"`
}

func localTime(arguments localTimeArguments) (string, error) {
	if arguments.Offset < -12 || arguments.Offset > 14 {
		return "", fmt.Errorf("no place is %d hours east of Greenwich", arguments.Offset)
	}
	return time.Now().UTC().Add(time.Duration(arguments.Offset) * time.Hour).Format(time.Kitchen), nil
}

func main() { program.Main("fast", "PROMPT…", converse) }

func converse(ctx context.Context, call program.Call) error {
	parameters, err := client.Schema[localTimeArguments](true)
	if err != nil {
		return err
	}
	chat := &chatv1.ChatSpec{
		Model:    call.Model,
		Messages: []*chatv1.Message{client.TextMessage(chatv1.Role_ROLE_USER, strings.Join(call.Arguments, " "))},
		Tools: []*chatv1.Tool{{Tool: &chatv1.Tool_Function{Function: &chatv1.FunctionTool{
			Name: "local_time", Description: "The time of day somewhere.", Parameters: parameters, Strict: proto.Bool(true),
		}}}},
	}
	stub := chatv1.NewChatServiceClient(call.Conn)
	for range maxTurns {
		answer, err := stub.Complete(ctx, &chatv1.CompleteRequest{Chat: chat})
		if err != nil {
			return err
		}
		calls := client.ToolCalls(answer.GetMessage())
		if len(calls) == 0 {
			fmt.Println(client.Text(answer.GetMessage()))
			return nil
		}
		results := &chatv1.Message{Role: chatv1.Role_ROLE_TOOL}
		for _, tool := range calls {
			results.Content = append(results.Content, run(tool))
		}
		chat.Messages = append(chat.Messages, answer.GetMessage(), results)
	}
	return errors.New("the model does not stop calling tools")
}

// run calls the function. What goes wrong is told to the model, which may do better.
func run(call *chatv1.ToolCall) *chatv1.Part {
	var arguments localTimeArguments
	if call.GetName() != "local_time" {
		return client.ToolFailure(call, "there is no such function")
	}
	if err := json.Unmarshal([]byte(call.GetArguments()), &arguments); err != nil {
		return client.ToolFailure(call, err.Error())
	}
	result, err := localTime(arguments)
	if err != nil {
		return client.ToolFailure(call, err.Error())
	}
	fmt.Printf("local_time(%d) = %s\n", arguments.Offset, result)
	return client.ToolResult(call, result)
}
