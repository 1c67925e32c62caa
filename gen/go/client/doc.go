// Package client adds to the generated stubs what every caller of a Hedgerow gateway needs and stubs do not give:
//
//   - [Dial] opens a connection with TLS, health-checked round robin, keepalive and the right retry policy.
//   - [Stream] is a streamed answer as a range-over-func, and [Collect] folds it into the message that the unary call
//     would have given. A stream that was cut never looks like an answer.
//   - [Decode] asks for an answer in the form of a struct. [Schema], [ToolCalls] and [ToolResult] are for tools.
//   - [StreamEmbed] embeds any number of inputs while their vectors are read.
//   - [Error] is a failed call as a typed error, for [errors.As], and [Reason] why it failed, for [errors.Is].
//
// The stubs stay in charge: Dial returns an ordinary [google.golang.org/grpc.ClientConn] and everything else takes the
// generated client interfaces and messages. Package hedgerowtest is a gateway for tests of what uses them.
//
// # Deadlines
//
// A context without a deadline gets the gateway's default (ten minutes unless configured otherwise). Give each call its
// own:
//
//	ctx, cancel := context.WithTimeout(ctx, time.Minute)
//	defer cancel()
//
// # Traces
//
// The module does not depend on OpenTelemetry. Pass the stats handler of
// go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc, and the span of each call becomes the
// parent of the gateway's spans and of its request to the provider:
//
//	otel.SetTextMapPropagator(propagation.TraceContext{})
//	conn, err := client.Dial(target, client.WithDialOptions(
//		grpc.WithStatsHandler(otelgrpc.NewClientHandler()),
//	))
package client
