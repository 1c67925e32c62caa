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
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"hedgerow.internal/gen/go/client"
	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
)

func main() {
	target := flag.String("target", "127.0.0.1:50051", "the gateway")
	model := flag.String("model", "fast", "the model, by the gateway's name for it")
	secure := flag.Bool("tls", false, "use TLS; without it a token is sent in the clear")
	timeout := flag.Duration("timeout", time.Minute, "how long the answer may take")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "Usage: %s [flags] PROMPT…\n", os.Args[0])
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}

	ctx, release := signal.NotifyContext(context.Background(), os.Interrupt)
	defer release()
	ctx, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()
	if err := chat(ctx, *target, *secure, *model, strings.Join(flag.Args(), " ")); err != nil {
		fmt.Fprintln(os.Stderr, explain(err))
		os.Exit(1)
	}
}

// dial connects with or without TLS, with a token where there is one.
func dial(target string, secure bool, token string) (*grpc.ClientConn, error) {
	var options []client.Option
	if !secure {
		options = append(options, client.WithPlaintext())
	}
	if token != "" && secure {
		options = append(options, client.WithBearerToken(client.StaticToken(token)))
	} else if token != "" {
		options = append(options, client.WithPlaintextBearerToken(client.StaticToken(token)))
	}
	return client.Dial(target, options...)
}

func chat(ctx context.Context, target string, secure bool, model, prompt string) error {
	conn, err := dial(target, secure, os.Getenv("HEDGEROW_TOKEN"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()

	request := &chatv1.StreamCompleteRequest{Chat: &chatv1.ChatSpec{
		Model:    model,
		Messages: []*chatv1.Message{client.TextMessage(chatv1.Role_ROLE_USER, prompt)},
	}}
	var trailer metadata.MD
	var fold client.Fold
	var first time.Duration
	begin := time.Now()
	for event, err := range client.Stream(ctx, chatv1.NewChatServiceClient(conn), request, grpc.Trailer(&trailer)) {
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

// explain is the error as a person wants it, with the fields that are wrong and when to try again.
func explain(err error) string {
	var failed *client.Error
	if !errors.As(err, &failed) {
		return err.Error()
	}
	lines := []string{failed.Error()}
	for _, violation := range failed.FieldViolations {
		lines = append(lines, fmt.Sprintf("  %s: %s", violation.GetField(), violation.GetDescription()))
	}
	if failed.Retryable() && failed.RetryDelay > 0 {
		lines = append(lines, fmt.Sprintf("  try again in %v", failed.RetryDelay))
	}
	return strings.Join(lines, "\n")
}
