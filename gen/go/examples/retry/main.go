// Retry asks a question, and asks again for as long as that is worth it. A connection of client.Dial tries once more by
// itself, and the gateway tries other providers; this is for callers that rather wait than fail, such as batch jobs.
//
// Usage:
//
//	go run ./examples/retry [-target HOST:PORT] [-model NAME] [-tls] [-timeout DURATION] PROMPT…
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"hedgerow.internal/gen/go/client"
	"hedgerow.internal/gen/go/examples/internal/program"
	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
)

func main() { program.Main("fast", "PROMPT…", patiently) }

func patiently(ctx context.Context, call program.Call) error {
	question := client.TextMessage(chatv1.Role_ROLE_USER, strings.Join(call.Arguments, " "))
	request := &chatv1.CompleteRequest{Chat: &chatv1.ChatSpec{Model: call.Model, Messages: []*chatv1.Message{question}}}
	stub := chatv1.NewChatServiceClient(call.Conn)
	for pause := time.Second; ; pause = min(2*pause, time.Minute) {
		answer, err := stub.Complete(ctx, request)
		if err == nil {
			fmt.Println(client.Text(answer.GetMessage()))
			return nil
		}
		var failed *client.Error
		if !errors.As(err, &failed) || !failed.Retryable() {
			return err
		}
		wait := pause
		if failed.RetryDelay > 0 {
			wait = failed.RetryDelay // the gateway knows better
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait {
			return err // there is no time left to wait for it
		}
		fmt.Fprintf(os.Stderr, "%v; again in %v\n", err, wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
