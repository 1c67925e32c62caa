// Package program is what the example programs have in common: flags, a connection, and how a failure is told.
package program

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"google.golang.org/grpc"

	"hedgerow.internal/gen/go/client"
)

// Call is what the command line asks for.
type Call struct {
	// Conn is a connection to the gateway.
	Conn *grpc.ClientConn

	// Model is the model, by the gateway's name for it.
	Model string

	// Arguments are the words of the command line.
	Arguments []string
}

// Main runs a program with the flags that all have. A token is taken from the environment variable HEDGEROW_TOKEN.
// A failure is explained on standard error, and the exit code is 1; without arguments it is 2.
func Main(model, arguments string, run func(context.Context, Call) error) {
	target := flag.String("target", "127.0.0.1:50051", "the gateway")
	flag.StringVar(&model, "model", model, "the model, by the gateway's name for it")
	secure := flag.Bool("tls", false, "use TLS; without it a token is sent in the clear")
	timeout := flag.Duration("timeout", time.Minute, "how long it may take")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "Usage: %s [flags] %s\n", os.Args[0], arguments)
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}

	ctx, release := signal.NotifyContext(context.Background(), os.Interrupt)
	ctx, cancel := context.WithTimeout(ctx, *timeout)
	err := connected(*target, *secure, func(conn *grpc.ClientConn) error {
		return run(ctx, Call{Conn: conn, Model: model, Arguments: flag.Args()})
	})
	cancel()
	release()
	if err != nil {
		fmt.Fprintln(os.Stderr, Explain(err))
		os.Exit(1)
	}
}

// connected connects with or without TLS, with a token where there is one.
func connected(target string, secure bool, run func(*grpc.ClientConn) error) error {
	var options []client.Option
	if !secure {
		options = append(options, client.WithPlaintext())
	}
	if token := os.Getenv("HEDGEROW_TOKEN"); token != "" && secure {
		options = append(options, client.WithBearerToken(client.StaticToken(token)))
	} else if token != "" {
		options = append(options, client.WithPlaintextBearerToken(client.StaticToken(token)))
	}
	conn, err := client.Dial(target, options...)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	return run(conn)
}

// Explain is the error as a person wants it: with the fields that are wrong, what was tried, and when to try again.
func Explain(err error) string {
	var failed *client.Error
	if !errors.As(err, &failed) {
		return err.Error()
	}
	lines := []string{failed.Error()}
	for _, violation := range failed.FieldViolations {
		lines = append(lines, fmt.Sprintf("  %s: %s", violation.GetField(), violation.GetDescription()))
	}
	for _, attempt := range failed.Attempts() {
		lines = append(lines, fmt.Sprintf("  attempt %d at %s: %s %d",
			attempt.GetNumber(), attempt.GetProvider(), attempt.GetErrorReason(), attempt.GetUpstreamStatus()))
	}
	if limit, ok := failed.Limit(); ok {
		lines = append(lines, fmt.Sprintf("  %s: %s of %s used in this %s", limit.Name, limit.Used, limit.Most, limit.Window))
	}
	if failed.Retryable() && failed.RetryDelay > 0 {
		lines = append(lines, fmt.Sprintf("  try again in %v", failed.RetryDelay))
	}
	return strings.Join(lines, "\n")
}
