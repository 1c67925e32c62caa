package client_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/test/bufconn"

	"hedgerow.internal/gen/go/client"
	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
	commonv1 "hedgerow.internal/gen/go/hedgerow/common/v1"
	embedv1 "hedgerow.internal/gen/go/hedgerow/embed/v1"
)

// patience bounds every wait of these tests.
const patience = 10 * time.Second

// chatGateway answers StreamComplete and Complete with functions of the test.
type chatGateway struct {
	chatv1.UnimplementedChatServiceServer
	stream func(*chatv1.StreamCompleteRequest, grpc.ServerStreamingServer[chatv1.StreamCompleteResponse]) error
	unary  func(context.Context, *chatv1.CompleteRequest) (*chatv1.CompleteResponse, error)
}

func (g *chatGateway) StreamComplete(request *chatv1.StreamCompleteRequest,
	stream grpc.ServerStreamingServer[chatv1.StreamCompleteResponse],
) error {
	return g.stream(request, stream)
}

func (g *chatGateway) Complete(ctx context.Context, request *chatv1.CompleteRequest) (*chatv1.CompleteResponse, error) {
	return g.unary(ctx, request)
}

type embedStream = grpc.BidiStreamingServer[embedv1.StreamEmbedRequest, embedv1.StreamEmbedResponse]

// embedGateway answers StreamEmbed with a function of the test.
type embedGateway struct {
	embedv1.UnimplementedEmbedServiceServer
	stream func(embedStream) error
}

func (g *embedGateway) StreamEmbed(stream embedStream) error { return g.stream(stream) }

const memoryTarget = "passthrough:///memory"

// serve runs a gateway in memory; it returns the option that reaches it, and a function that ends it.
func serve(register func(*grpc.Server)) (grpc.DialOption, func()) {
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer()
	register(server)
	if _, own := server.GetServiceInfo()[healthpb.Health_ServiceDesc.ServiceName]; !own {
		healthpb.RegisterHealthServer(server, health.NewServer()) // SERVING
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener)
	}()
	reach := grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) })
	return reach, func() {
		server.Stop()
		<-served
	}
}

// dial is a connection of Dial to a gateway in memory.
func dial(t *testing.T, register func(*grpc.Server), options ...client.Option) *grpc.ClientConn {
	t.Helper()
	reach, end := serve(register)
	t.Cleanup(end)
	all := append([]client.Option{client.WithPlaintext(), client.WithDialOptions(reach)}, options...)
	conn, err := client.Dial(memoryTarget, all...)
	return closing(t, conn, err)
}

// dialPlainly is a connection to a gateway in memory without anything of Dial.
func dialPlainly(t *testing.T, register func(*grpc.Server)) *grpc.ClientConn {
	t.Helper()
	reach, end := serve(register)
	t.Cleanup(end)
	conn, err := grpc.NewClient(memoryTarget, reach, grpc.WithTransportCredentials(insecure.NewCredentials()))
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

func dialChat(t *testing.T, gateway *chatGateway) chatv1.ChatServiceClient {
	t.Helper()
	return chatv1.NewChatServiceClient(dial(t, func(s *grpc.Server) { chatv1.RegisterChatServiceServer(s, gateway) }))
}

func dialEmbed(t *testing.T, gateway *embedGateway) embedv1.EmbedServiceClient {
	t.Helper()
	return embedv1.NewEmbedServiceClient(dial(t, func(s *grpc.Server) { embedv1.RegisterEmbedServiceServer(s, gateway) }))
}

// bounded is a context that ends with the test, or when the test's patience does.
func bounded(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// await fails the test unless the channel is closed in time.
func await(t *testing.T, what string, closed <-chan struct{}) {
	t.Helper()
	select {
	case <-closed:
	case <-time.After(patience):
		t.Fatalf("%s: not within %v", what, patience)
	}
}

func mustBe(t *testing.T, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("got the error %v, want %v", err, target)
	}
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

// events numbers the events of a stream.
func events(list ...*chatv1.StreamCompleteResponse) []*chatv1.StreamCompleteResponse {
	for i, event := range list {
		event.Sequence = int64(i) + 1
	}
	return list
}

// replay is a gateway that answers each stream with these events and the status err.
func replay(list []*chatv1.StreamCompleteResponse, err error) *chatGateway {
	return &chatGateway{stream: func(_ *chatv1.StreamCompleteRequest,
		stream grpc.ServerStreamingServer[chatv1.StreamCompleteResponse],
	) error {
		for _, event := range list {
			if err := stream.Send(event); err != nil {
				return err
			}
		}
		return err
	}}
}

func started(provider, model string, warnings ...*commonv1.Warning) *chatv1.StreamCompleteResponse {
	return &chatv1.StreamCompleteResponse{Event: &chatv1.StreamCompleteResponse_Started{Started: &chatv1.Started{
		Provider: provider, Model: model, ResponseId: "answer-of-" + provider, Warnings: warnings,
	}}}
}

func text(index int32, words string) *chatv1.StreamCompleteResponse {
	return &chatv1.StreamCompleteResponse{Event: &chatv1.StreamCompleteResponse_TextDelta{
		TextDelta: &chatv1.TextDelta{PartIndex: index, Text: words},
	}}
}

func reasoning(index int32, words string) *chatv1.StreamCompleteResponse {
	return &chatv1.StreamCompleteResponse{Event: &chatv1.StreamCompleteResponse_ReasoningDelta{
		ReasoningDelta: &chatv1.ReasoningDelta{PartIndex: index, Text: words},
	}}
}

func refusal(index int32, words string) *chatv1.StreamCompleteResponse {
	return &chatv1.StreamCompleteResponse{Event: &chatv1.StreamCompleteResponse_RefusalDelta{
		RefusalDelta: &chatv1.RefusalDelta{PartIndex: index, Text: words},
	}}
}

func toolCall(index int32, id, name string) *chatv1.StreamCompleteResponse {
	return &chatv1.StreamCompleteResponse{Event: &chatv1.StreamCompleteResponse_ToolCallStarted{
		ToolCallStarted: &chatv1.ToolCallStarted{PartIndex: index, Id: id, Name: name},
	}}
}

func arguments(index int32, words string) *chatv1.StreamCompleteResponse {
	return &chatv1.StreamCompleteResponse{Event: &chatv1.StreamCompleteResponse_ToolCallArgumentsDelta{
		ToolCallArgumentsDelta: &chatv1.ToolCallArgumentsDelta{PartIndex: index, Arguments: words},
	}}
}

func toolCallEnd(index int32) *chatv1.StreamCompleteResponse {
	return &chatv1.StreamCompleteResponse{Event: &chatv1.StreamCompleteResponse_ToolCallEnded{
		ToolCallEnded: &chatv1.ToolCallEnded{PartIndex: index},
	}}
}

func media(delta *chatv1.MediaDelta) *chatv1.StreamCompleteResponse {
	return &chatv1.StreamCompleteResponse{Event: &chatv1.StreamCompleteResponse_MediaDelta{MediaDelta: delta}}
}

func citation(index int32, url string) *chatv1.StreamCompleteResponse {
	return &chatv1.StreamCompleteResponse{Event: &chatv1.StreamCompleteResponse_CitationAdded{
		CitationAdded: &chatv1.CitationAdded{PartIndex: index, Citation: &chatv1.Citation{Url: url}},
	}}
}

func logprobs(index int32, tokens ...string) *chatv1.StreamCompleteResponse {
	return &chatv1.StreamCompleteResponse{Event: &chatv1.StreamCompleteResponse_LogprobsDelta{
		LogprobsDelta: &chatv1.LogprobsDelta{PartIndex: index, Tokens: tokenLogprobs(tokens...)},
	}}
}

func tokenLogprobs(tokens ...string) []*chatv1.TokenLogprob {
	var likely []*chatv1.TokenLogprob
	for _, token := range tokens {
		likely = append(likely, &chatv1.TokenLogprob{Token: token, Logprob: -0.5})
	}
	return likely
}

func item(index int32, kind string) *chatv1.StreamCompleteResponse {
	return &chatv1.StreamCompleteResponse{Event: &chatv1.StreamCompleteResponse_ProviderItemAdded{
		ProviderItemAdded: &chatv1.ProviderItemAdded{
			PartIndex: index, Item: &chatv1.ProviderItem{Provider: "p", Type: kind, Data: []byte("{}")},
		},
	}}
}

func state(index int32, data string) *chatv1.StreamCompleteResponse {
	return &chatv1.StreamCompleteResponse{Event: &chatv1.StreamCompleteResponse_ProviderStateAttached{
		ProviderStateAttached: &chatv1.ProviderStateAttached{
			PartIndex: index, State: &chatv1.ProviderState{Provider: "p", Data: []byte(data)},
		},
	}}
}

func verdict(guardrail string) *chatv1.StreamCompleteResponse {
	return &chatv1.StreamCompleteResponse{Event: &chatv1.StreamCompleteResponse_GuardrailVerdict{
		GuardrailVerdict: &chatv1.GuardrailVerdict{Guardrail: guardrail},
	}}
}

func usageUpdate(output int64) *chatv1.StreamCompleteResponse {
	return &chatv1.StreamCompleteResponse{Event: &chatv1.StreamCompleteResponse_UsageUpdate{
		UsageUpdate: &chatv1.UsageUpdate{Usage: &commonv1.Usage{OutputTokens: output}},
	}}
}

func routeChange(action chatv1.RouteChangeAction, warnings ...*commonv1.Warning) *chatv1.StreamCompleteResponse {
	return &chatv1.StreamCompleteResponse{Event: &chatv1.StreamCompleteResponse_RouteChange{
		RouteChange: &chatv1.RouteChange{
			Action: action, ToProvider: "second", ToModel: "model-2", ResponseId: "answer-of-second", Warnings: warnings,
		},
	}}
}

func completed(reason chatv1.FinishReason) *chatv1.StreamCompleteResponse {
	return &chatv1.StreamCompleteResponse{Event: &chatv1.StreamCompleteResponse_Completed{
		Completed: &chatv1.Completed{
			FinishReason: reason, NativeFinishReason: "native", Usage: &commonv1.Usage{InputTokens: 3, OutputTokens: 5},
		},
	}}
}

const stop = chatv1.FinishReason_FINISH_REASON_STOP
