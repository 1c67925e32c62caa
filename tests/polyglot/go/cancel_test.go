package polyglot

import (
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"hedgerow.internal/gen/go/client"
	errorsv1 "hedgerow.internal/gen/go/hedgerow/errors/v1"
)

// mustEndSoon claims that the trace's request to the provider was closed soon after this time.
func mustEndSoon(t *testing.T, trace string, since time.Time) {
	t.Helper()
	call := awaitBooked(t, trace, "cancelled")
	if after := call.ended().Sub(since); after > cancelLimit {
		t.Fatalf("the request to the provider was closed after %v, want at most %v", after, cancelLimit)
	}
}

func TestACancelBeforeTheProvidersHeadersClosesItsRequest(t *testing.T) {
	stub := dialChat(t)
	for name, call := range map[string]func(context.Context) error{
		"unary": func(ctx context.Context) error {
			_, err := stub.Complete(ctx, ask("silent"))
			return err
		},
		"stream": func(ctx context.Context) error {
			_, err := client.Collect(client.Stream(ctx, stub, askStream("silent")))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, trace := traced(bounded(t), t)
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			ended := make(chan error, 1)
			go func() { ended <- call(ctx) }()
			awaitBooked(t, trace, "open")
			left := time.Now()
			cancel()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want context.Canceled", err)
			}
			mustEndSoon(t, trace, left)
		})
	}
}

func TestLeavingTheLoopMidStreamClosesTheProvidersRequest(t *testing.T) {
	ctx, trace := traced(bounded(t), t)
	var left time.Time
	for event, err := range client.Stream(ctx, dialChat(t), askStream("slow")) {
		if err != nil {
			t.Fatal(err)
		}
		if event.GetTextDelta() != nil {
			left = time.Now()
			break
		}
	}
	mustEndSoon(t, trace, left)
}

func TestTheCallersDeadlineBoundsTheProvidersRequest(t *testing.T) {
	ctx, trace := traced(bounded(t), t)
	ctx, cancel := context.WithTimeout(ctx, 700*time.Millisecond)
	defer cancel()
	deadline, _ := ctx.Deadline()
	_, err := client.Collect(client.Stream(ctx, dialChat(t), askStream("slow")))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v, want context.DeadlineExceeded", err)
	}
	mustEndSoon(t, trace, deadline)
}

// announced is a context that tells the gateway a deadline and does not end by itself then. A client's own clock else
// gives up before the gateway's answer arrives.
type announced struct {
	context.Context
	deadline time.Time
}

func (a announced) Deadline() (time.Time, bool) { return a.deadline, true }

func TestTheGatewayAnswersAPassedDeadlineWithItsReason(t *testing.T) {
	for _, model := range []string{"silent", "stall"} {
		t.Run(model, func(t *testing.T) {
			ctx := announced{bounded(t), time.Now().Add(700 * time.Millisecond)}
			_, err := client.Collect(client.Stream(ctx, dialChat(t), askStream(model)))
			e := mustBeTyped(t, err)
			if e.Code != codes.DeadlineExceeded || e.Reason != errorsv1.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED ||
				e.RequestID == "" || e.Retryable() {
				t.Fatalf("got %v", e)
			}
		})
	}
}
