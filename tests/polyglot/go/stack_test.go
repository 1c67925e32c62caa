package polyglot

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"hedgerow.internal/gen/go/client"
	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
	embedv1 "hedgerow.internal/gen/go/hedgerow/embed/v1"
)

// patience bounds every wait of these tests.
const patience = 20 * time.Second

// cancelLimit is how long the gateway may take to close its request to the provider.
const cancelLimit = 250 * time.Millisecond

// address is one address of the stack under test. Without it the test is skipped.
func address(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Skipf("%s is not set: run tests/polyglot/test_go.py, which starts a router", name)
	}
	return value
}

// dial is a connection of the helper to the router under test.
func dial(t *testing.T, options ...client.Option) *grpc.ClientConn {
	t.Helper()
	conn, err := client.Dial(address(t, "HEDGEROW_TEST_TARGET"), append(options, client.WithPlaintext())...)
	return closing(t, conn, err)
}

func closing(t *testing.T, conn *grpc.ClientConn, err error) *grpc.ClientConn {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn
}

func dialChat(t *testing.T, options ...client.Option) chatv1.ChatServiceClient {
	t.Helper()
	return chatv1.NewChatServiceClient(dial(t, options...))
}

func dialEmbed(t *testing.T) embedv1.EmbedServiceClient {
	t.Helper()
	return embedv1.NewEmbedServiceClient(dial(t))
}

// once is for tests that look at one attempt: the connection does not try again.
func once() client.Option { return client.WithDialOptions(grpc.WithDisableRetry()) }

// bounded is a context that ends with the test, or when the test's patience does.
func bounded(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func spec(model string) *chatv1.ChatSpec {
	return &chatv1.ChatSpec{
		Model:    model,
		Messages: []*chatv1.Message{client.TextMessage(chatv1.Role_ROLE_USER, "Where is Bouvet Island?")},
	}
}

func ask(model string) *chatv1.CompleteRequest { return &chatv1.CompleteRequest{Chat: spec(model)} }

func askStream(model string) *chatv1.StreamCompleteRequest {
	return &chatv1.StreamCompleteRequest{Chat: spec(model)}
}

// mustBeTyped is the *client.Error within err.
func mustBeTyped(t *testing.T, err error) *client.Error {
	t.Helper()
	var typed *client.Error
	if !errors.As(err, &typed) {
		t.Fatalf("got %T %v, want an error that holds a *client.Error", err, err)
	}
	return typed
}

// bookedCall is what the simulated provider wrote down about one request.
type bookedCall struct {
	Stream    bool              `json:"stream"`
	Outcome   string            `json:"outcome"`
	Headers   map[string]string `json:"headers"`
	EndedUnix float64           `json:"ended_unix"`
}

func (c bookedCall) ended() time.Time { return time.UnixMicro(int64(c.EndedUnix * 1e6)) }

// traced marks the calls of a context with a trace of their own, so that they can be found in the book.
func traced(ctx context.Context, t *testing.T) (context.Context, string) {
	t.Helper()
	id := make([]byte, 24)
	if _, err := rand.Read(id); err != nil {
		t.Fatal(err)
	}
	trace := hex.EncodeToString(id[:16])
	return metadata.AppendToOutgoingContext(ctx, "traceparent", "00-"+trace+"-"+hex.EncodeToString(id[16:])+"-01"), trace
}

// booked are the requests of one trace that reached the simulated provider.
func booked(t *testing.T, trace string) []bookedCall {
	t.Helper()
	request, err := http.NewRequestWithContext(bounded(t), http.MethodGet, address(t, "HEDGEROW_TEST_SIM")+"/_sim/book", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var book struct {
		Calls []bookedCall `json:"calls"`
	}
	if err := json.NewDecoder(response.Body).Decode(&book); err != nil {
		t.Fatal(err)
	}
	var found []bookedCall
	for _, call := range book.Calls {
		if strings.Contains(call.Headers["traceparent"], trace) {
			found = append(found, call)
		}
	}
	return found
}

// awaitBooked waits until the trace's one request has this outcome in the book.
func awaitBooked(t *testing.T, trace, outcome string) bookedCall {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		calls := booked(t, trace)
		if len(calls) == 1 && calls[0].Outcome == outcome {
			return calls[0]
		}
		if time.Now().After(deadline) {
			t.Fatalf("the book has %+v, want one call that is %s", calls, outcome)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
