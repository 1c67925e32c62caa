package polyglot

import (
	"fmt"
	"testing"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/grpc"

	"hedgerow.internal/gen/go/client"
	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
)

// TestTheClientsSpanIsTheParentOfTheProvidersRequest uses OpenTelemetry as the helper's documentation says.
func TestTheClientsSpanIsTheParentOfTheProvidersRequest(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	provider := trace.NewTracerProvider(trace.WithSpanProcessor(recorder))
	stub := dialChat(t, client.WithDialOptions(grpc.WithStatsHandler(otelgrpc.NewClientHandler(
		otelgrpc.WithTracerProvider(provider), otelgrpc.WithPropagators(propagation.TraceContext{}),
	))))
	if _, err := client.Collect(client.Stream(bounded(t), stub, askStream("fast"))); err != nil {
		t.Fatal(err)
	}
	if err := provider.ForceFlush(bounded(t)); err != nil {
		t.Fatal(err)
	}
	var span trace.ReadOnlySpan
	for _, ended := range recorder.Ended() {
		if ended.Name() == chatv1.ChatService_StreamComplete_FullMethodName[1:] {
			span = ended
		}
	}
	if span == nil {
		t.Fatalf("the client recorded %d spans and none of the call", len(recorder.Ended()))
	}
	calls := booked(t, span.SpanContext().TraceID().String())
	if len(calls) != 1 {
		t.Fatalf("the provider saw %d requests of the trace, want 1", len(calls))
	}
	want := fmt.Sprintf("00-%s-%s-01", span.SpanContext().TraceID(), span.SpanContext().SpanID())
	if got := calls[0].Headers["traceparent"]; got != want {
		t.Fatalf("the provider saw the traceparent %s, want %s", got, want)
	}
}
