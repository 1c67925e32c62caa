package polyglot

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"hedgerow.internal/gen/go/client"
	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
	embedv1 "hedgerow.internal/gen/go/hedgerow/embed/v1"
	errorsv1 "hedgerow.internal/gen/go/hedgerow/errors/v1"
)

// failures are the errors of a request on each RPC of the chat service.
func failures(t *testing.T, chat *chatv1.ChatSpec) map[string]*client.Error {
	t.Helper()
	stub := dialChat(t, once())
	_, unary := stub.Complete(bounded(t), &chatv1.CompleteRequest{Chat: chat})
	_, stream := client.Collect(client.Stream(bounded(t), stub, &chatv1.StreamCompleteRequest{Chat: chat}))
	return map[string]*client.Error{"unary": mustBeTyped(t, unary), "stream": mustBeTyped(t, stream)}
}

func TestAnUnknownModelIsNotFoundAndNamed(t *testing.T) {
	for name, e := range failures(t, spec("fsat")) {
		if e.Code != codes.NotFound || e.Reason != errorsv1.ErrorReason_ERROR_REASON_MODEL_NOT_FOUND ||
			e.Resource.GetResourceName() != "fsat" || e.RequestID == "" || e.Report == nil {
			t.Errorf("%s: got %v, resource %v, report %v", name, e, e.Resource, e.Report)
		}
	}
}

func TestAModelOfAnotherServiceIsNotFound(t *testing.T) {
	_, err := dialEmbed(t).Embed(bounded(t), &embedv1.EmbedRequest{
		Embed: &embedv1.EmbedSpec{Model: "fast", Inputs: []*embedv1.EmbedInput{input("text")}},
	})
	if e := mustBeTyped(t, err); e.Code != codes.NotFound {
		t.Fatalf("got %v, want NOT_FOUND", e)
	}
}

func TestAFieldOutOfRangeIsNamed(t *testing.T) {
	hot := spec("fast")
	hot.Temperature = proto.Float64(9)
	for name, e := range failures(t, hot) {
		if e.Code != codes.InvalidArgument || e.Reason != errorsv1.ErrorReason_ERROR_REASON_REQUEST_INVALID ||
			len(e.FieldViolations) != 1 || e.FieldViolations[0].GetField() != "chat.temperature" || e.Retryable() {
			t.Errorf("%s: got %v, fields %v", name, e, e.FieldViolations)
		}
	}
}

func TestEachFaultOfAProviderHasItsReason(t *testing.T) {
	for model, want := range map[string]struct {
		code   codes.Code
		reason errorsv1.ErrorReason
	}{
		"fault-400":  {codes.InvalidArgument, errorsv1.ErrorReason_ERROR_REASON_PROVIDER_REJECTED_REQUEST},
		"fault-401":  {codes.Unavailable, errorsv1.ErrorReason_ERROR_REASON_PROVIDER_AUTH},
		"fault-404":  {codes.Unavailable, errorsv1.ErrorReason_ERROR_REASON_PROVIDER_MODEL_UNAVAILABLE},
		"fault-429":  {codes.Unavailable, errorsv1.ErrorReason_ERROR_REASON_PROVIDER_THROTTLED},
		"fault-500":  {codes.Unavailable, errorsv1.ErrorReason_ERROR_REASON_PROVIDER_UNAVAILABLE},
		"fault-html": {codes.Unavailable, errorsv1.ErrorReason_ERROR_REASON_UPSTREAM_PROTOCOL},
		"fault-down": {codes.Unavailable, errorsv1.ErrorReason_ERROR_REASON_PROVIDER_UNAVAILABLE},
	} {
		t.Run(model, func(t *testing.T) {
			for name, e := range failures(t, spec(model)) {
				if e.Code != want.code || e.Reason != want.reason || e.RequestID == "" {
					t.Errorf("%s: got %v, want %v", name, e, want.reason)
				}
				if attempts := e.Report.GetAttempts(); len(attempts) == 0 || attempts[0].GetErrorReason() != e.ReasonName {
					t.Errorf("%s: got the attempts %v, want the newest one with %s", name, attempts, e.ReasonName)
				}
			}
		})
	}
}

func TestAThrottledCallSaysWhenToComeBack(t *testing.T) {
	for name, e := range failures(t, spec("fault-429")) {
		if !e.Retryable() || e.RetryDelay <= 0 {
			t.Errorf("%s: got %v, retryable %v in %v", name, e, e.Retryable(), e.RetryDelay)
		}
	}
}

func TestACutStreamIsAFailureAfterItsText(t *testing.T) {
	for _, model := range []string{"fault-cut", "fault-nofinish"} {
		t.Run(model, func(t *testing.T) {
			var text strings.Builder
			var last error
			for event, err := range client.Stream(bounded(t), dialChat(t), askStream(model)) {
				text.WriteString(event.GetTextDelta().GetText())
				last = err
			}
			e := mustBeTyped(t, last)
			if e.Code != codes.Unavailable || e.Reason != errorsv1.ErrorReason_ERROR_REASON_STREAM_CUT || e.Retryable() {
				t.Errorf("got %v, retryable %v", e, e.Retryable())
			}
			if text.Len() == 0 {
				t.Error("no text came before the cut")
			}
		})
	}
}

// TestARefusedRetryReachesTheProviderOnce shows that the client obeys the gateway: its policy else tries UNAVAILABLE again.
func TestARefusedRetryReachesTheProviderOnce(t *testing.T) {
	ctx, trace := traced(bounded(t), t)
	_, err := dialChat(t).Complete(ctx, ask("fault-401"))
	if e := mustBeTyped(t, err); !e.RetryRefused {
		t.Errorf("got %v, want a refused retry", e)
	}
	if calls := booked(t, trace); len(calls) != 1 {
		t.Fatalf("the provider saw %d requests, want 1", len(calls))
	}
}
