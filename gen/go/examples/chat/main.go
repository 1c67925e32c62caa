// Chat asks a Hedgerow gateway one question, and writes the answer to standard output while it comes. Which model
// answered, what it used and how long it took follow on standard error.
//
// Usage:
//
//	go run ./examples/chat [-target HOST:PORT] [-model NAME] [-tls] [-timeout DURATION] PROMPT…
//
// A bearer token is taken from the environment variable HEDGEROW_TOKEN.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"hedgerow.internal/gen/go/client"
	"hedgerow.internal/gen/go/examples/internal/program"
	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
)

func main() { program.Main("fast", "PROMPT…", chat) }

func chat(ctx context.Context, call program.Call) error {
	prompt := strings.Join(call.Arguments, " ")
	request := &chatv1.StreamCompleteRequest{Chat: &chatv1.ChatSpec{
		Model:    call.Model,
		Messages: []*chatv1.Message{client.TextMessage(chatv1.Role_ROLE_USER, prompt)},
	}}
	var trailer metadata.MD
	var fold client.Fold
	var first time.Duration
	begin := time.Now()
	for event, err := range client.Stream(ctx, chatv1.NewChatServiceClient(call.Conn), request, grpc.Trailer(&trailer)) {
		if err != nil {
			if first != 0 {
				fmt.Println() // so that the error does not stick to the text so far
			}
			return err
		}
		if first == 0 {
			first = time.Since(begin)
		}
		if err := fold.Add(event); err != nil {
			return err
		}
		if _, err := io.WriteString(os.Stdout, event.GetTextDelta().GetText()); err != nil {
			return err
		}
	}
	answer, err := fold.Answer()
	if err != nil {
		return err
	}
	fmt.Println()
	usage := answer.GetUsage()
	fmt.Fprintf(os.Stderr, "%s from %s · %d tokens in, %d out · first token %v, all %v · request %s\n",
		answer.GetModel(), answer.GetProvider(), usage.GetInputTokens(), usage.GetOutputTokens(),
		first.Round(time.Millisecond), time.Since(begin).Round(time.Millisecond), client.RequestID(trailer))
	return nil
}
