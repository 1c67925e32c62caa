package polyglot

import (
	"os"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"hedgerow.internal/gen/go/client"
	"hedgerow.internal/gen/go/hedgerowtest"
)

// TestARecordingOfGrpcurlIsPlayedAgain plays what grpcurl printed of an answer of the router under test.
func TestARecordingOfGrpcurlIsPlayedAgain(t *testing.T) {
	path := os.Getenv("HEDGEROW_TEST_GRPCURL")
	if path == "" {
		t.Skip("HEDGEROW_TEST_GRPCURL is not set: run tests/polyglot/test_go.py, which records a stream")
	}
	recording, err := hedgerowtest.ReadRecording(path)
	if err != nil {
		t.Fatal(err)
	}
	server := hedgerowtest.NewServer(t)
	server.Script(recording)
	played, err := client.Collect(client.Stream(bounded(t), server.Chat(), askStream("fast")))
	if err != nil {
		t.Fatal(err)
	}
	live, err := client.Collect(client.Stream(bounded(t), dialChat(t), askStream("fast")))
	if err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(played.GetMessage(), live.GetMessage()) || !proto.Equal(played.GetUsage(), live.GetUsage()) {
		t.Fatalf("got  %v\nwant %v", played, live)
	}
}

// TestTheFakeFailsAsTheRouterDoes compares the errors of both, but for what is the router's own: words, ids and times.
func TestTheFakeFailsAsTheRouterDoes(t *testing.T) {
	server := hedgerowtest.NewServer(t)
	for model, fault := range map[string]hedgerowtest.Fault{
		"fsat":      {Reason: client.ReasonModelNotFound, Metadata: map[string]string{"model": "fsat"}},
		"fault-400": {Reason: client.ReasonProviderRejectedRequest},
		"fault-401": {Reason: client.ReasonProviderAuth},
		"fault-429": {Reason: client.ReasonProviderThrottled, RetryDelay: time.Second},
		"fault-500": {Reason: client.ReasonProviderUnavailable},
	} {
		t.Run(model, func(t *testing.T) {
			_, err := dialChat(t, once()).Complete(bounded(t), ask(model))
			live := mustBeTyped(t, err)
			server.ScriptFor(model, fault.Always())
			_, err = server.Chat().Complete(bounded(t), ask(model))
			fake := mustBeTyped(t, err)
			if fake.Code != live.Code || fake.Reason != live.Reason || fake.RetryRefused != live.RetryRefused ||
				fake.Retryable() != live.Retryable() || (fake.RetryDelay > 0) != (live.RetryDelay > 0) ||
				fake.Resource.GetResourceName() != live.Resource.GetResourceName() || (fake.RequestID == "") != (live.RequestID == "") {
				t.Errorf("got  %+v\nwant %+v", fake, live)
			}
		})
	}
}

// TestTheFakeAnswersAsTheRouterDoes compares which events come in which order.
func TestTheFakeAnswersAsTheRouterDoes(t *testing.T) {
	live, err := dialChat(t).Complete(bounded(t), ask("fast"))
	if err != nil {
		t.Fatal(err)
	}
	server := hedgerowtest.NewServer(t)
	server.Script(hedgerowtest.Answer{
		Text: client.Text(live.GetMessage()), Usage: live.GetUsage(), Provider: live.GetProvider(), Model: live.GetModel(),
	})
	fake, err := client.Collect(client.Stream(bounded(t), server.Chat(), askStream("fast")))
	if err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(fake.GetMessage(), live.GetMessage()) || fake.GetFinishReason() != live.GetFinishReason() ||
		fake.GetNativeFinishReason() != live.GetNativeFinishReason() || len(fake.GetAttempts()) != len(live.GetAttempts()) {
		t.Fatalf("got  %v\nwant %v", fake, live)
	}
}

// TestALoopThatIsLeftCancelsTheCallAtTheFake is what a test of a service elsewhere may claim.
func TestALoopThatIsLeftCancelsTheCallAtTheFake(t *testing.T) {
	server := hedgerowtest.NewServer(t)
	server.Script(hedgerowtest.Fault{Stall: true, After: &hedgerowtest.Answer{Text: "In the Southern Ocean."}})
	for event, err := range client.Stream(bounded(t), server.Chat(), askStream("fast")) {
		if err != nil {
			t.Fatal(err)
		}
		if event.GetTextDelta() != nil {
			break
		}
	}
	if err := server.Idle(bounded(t)); err != nil {
		t.Fatal(err)
	}
	if got := server.Requests(); len(got) != 1 || got[0].Code != codes.Canceled || got[0].Chat.GetModel() != "fast" {
		t.Fatalf("got %+v", got)
	}
}
