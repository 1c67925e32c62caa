package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
	embedv1 "hedgerow.internal/gen/go/hedgerow/embed/v1"
)

const mebibyte = 1 << 20

const retries = `{"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 5, "initialBackoff": "0.5s",
	"maxBackoff": "4s", "backoffMultiplier": 2, "retryableStatusCodes": ["UNAVAILABLE"]}}]}`

// A grpcCaller spreads calls over its connections in turn.
type grpcCaller struct {
	connections []*grpc.ClientConn
	metadata    []metadata.MD
	echo        bool
	turn        atomic.Uint64
}

// bytesCodec sends requests that are ready, and hands on the bytes of answers.
type bytesCodec struct{}

func (bytesCodec) Name() string { return "proto" }

func (bytesCodec) Marshal(value any) ([]byte, error) { return *value.(*[]byte), nil }

func (bytesCodec) Unmarshal(data []byte, value any) error {
	*value.(*[]byte) = data
	return nil
}

func newGRPC(of target) (*grpcCaller, error) {
	made := &grpcCaller{echo: of.Kind == "echo"}
	headers, err := of.headers()
	if err != nil {
		return nil, err
	}
	for _, one := range headers {
		made.metadata = append(made.metadata, metadata.New(one))
	}
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(bytesCodec{}), grpc.MaxCallRecvMsgSize(64*mebibyte)),
	}
	if of.Retry {
		options = append(options, grpc.WithDefaultServiceConfig(retries))
	}
	for range max(1, of.Connections) {
		connection, err := grpc.NewClient(of.Address, options...)
		if err != nil {
			return nil, err
		}
		made.connections = append(made.connections, connection)
	}
	return made, nil
}

func (c *grpcCaller) next() *grpc.ClientConn {
	return c.connections[c.turn.Add(1)%uint64(len(c.connections))]
}

// of is the context with the metadata of one of the callers.
func (c *grpcCaller) of(ctx context.Context) context.Context {
	return metadata.NewOutgoingContext(ctx, maps.Clone(c.metadata[spread(c.turn.Load(), len(c.metadata))]))
}

// A grpcCall has its request serialised. Its connections are not its own.
type grpcCall struct {
	caller *grpcCaller
	spec   callSpec
	path   string
	// One for each of the models.
	requests [][]byte
	check    func(answer []byte) error
}

func (c *grpcCall) request() *[]byte {
	return &c.requests[spread(c.caller.turn.Load(), len(c.requests))]
}

func (c *grpcCaller) prepare(spec callSpec) (call, error) {
	made := &grpcCall{caller: c, spec: spec}
	if c.echo {
		made.path = map[string]string{"unary": "/bench.Floor/Unary", "stream": "/bench.Floor/Stream"}[spec.Kind]
		made.requests = [][]byte{[]byte(spec.Model)}
		made.check = func(answer []byte) error { return some(len(answer)) }
		return made, nil
	}
	switch spec.Kind {
	case "embed":
		made.path, made.check = embedv1.EmbedService_Embed_FullMethodName, made.embedded
	case "stream":
		made.path = chatv1.ChatService_StreamComplete_FullMethodName
	default:
		made.path, made.check = chatv1.ChatService_Complete_FullMethodName, completed
	}
	for _, model := range spec.models() {
		request, err := proto.Marshal(asking(spec, model))
		if err != nil {
			return nil, err
		}
		made.requests = append(made.requests, request)
	}
	return made, nil
}

func asking(spec callSpec, model string) proto.Message {
	text := prompt(spec.PromptBytes)
	if spec.Kind == "embed" {
		inputs := make([]*embedv1.EmbedInput, spec.Inputs)
		for i := range inputs {
			inputs[i] = &embedv1.EmbedInput{Input: &embedv1.EmbedInput_Text{Text: text}}
		}
		return &embedv1.EmbedRequest{Embed: &embedv1.EmbedSpec{Model: model, Inputs: inputs}}
	}
	part := &chatv1.Part{Content: &chatv1.Part_Text{Text: text}}
	said := &chatv1.Message{Role: chatv1.Role_ROLE_USER, Content: []*chatv1.Part{part}}
	// A StreamCompleteRequest has the same fields.
	return &chatv1.CompleteRequest{Chat: &chatv1.ChatSpec{Model: model, Messages: []*chatv1.Message{said}}}
}

func some(size int) error {
	if size == 0 {
		return errEmpty
	}
	return nil
}

func completed(answer []byte) error {
	var message chatv1.CompleteResponse
	if err := proto.Unmarshal(answer, &message); err != nil {
		return err
	}
	size := 0
	for _, one := range message.GetMessage().GetContent() {
		size += len(one.GetText())
	}
	return some(size)
}

func (c *grpcCall) embedded(answer []byte) error {
	var message embedv1.EmbedResponse
	if err := proto.Unmarshal(answer, &message); err != nil {
		return err
	}
	if got := len(message.GetEmbeddings()); got != c.spec.Inputs {
		return fmt.Errorf("%d vectors for %d inputs", got, c.spec.Inputs)
	}
	return some(len(message.GetEmbeddings()[0].GetValues()))
}

func (c *grpcCall) make(start time.Time) (outcome, error) {
	ctx, cancel := leaving(c.spec)
	defer cancel()
	ctx = c.caller.of(ctx)
	if c.spec.Kind == "stream" {
		return c.stream(ctx, start)
	}
	var answer []byte
	err := c.caller.next().Invoke(ctx, c.path, c.request(), &answer)
	if err == nil {
		err = c.check(answer)
	}
	return outcome{messages: 1}, c.judged(err)
}

// judged forgives the end that the caller has made himself.
func (c *grpcCall) judged(err error) error {
	if c.spec.CancelAfterS != 0 && (status.Code(err) == codes.DeadlineExceeded || status.Code(err) == codes.Canceled) {
		return nil
	}
	return err
}

func (c *grpcCall) begin(ctx context.Context) (grpc.ClientStream, error) {
	stream, err := c.caller.next().NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, c.path)
	if err != nil {
		return nil, err
	}
	if err := stream.SendMsg(c.request()); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return stream, stream.CloseSend()
}

func (c *grpcCall) stream(ctx context.Context, start time.Time) (outcome, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.begin(ctx)
	if err != nil {
		return outcome{}, c.judged(err)
	}
	reading := reader{start: start}
	for {
		var message []byte
		err := stream.RecvMsg(&message)
		if errors.Is(err, io.EOF) {
			return reading.end()
		}
		if err != nil {
			return reading.had, c.judged(err)
		}
		if err := c.read(&reading, message); err != nil {
			return reading.had, err
		}
		if reading.text > 0 && c.spec.CancelAfterS < 0 {
			return reading.had, nil
		}
	}
}

// read counts the content of one message; that of a bare server is as it came from upstream.
func (c *grpcCall) read(reading *reader, message []byte) error {
	if c.caller.echo {
		readSSE(reading, message)
		return nil
	}
	var event chatv1.StreamCompleteResponse
	if err := proto.Unmarshal(message, &event); err != nil {
		return err
	}
	if text := event.GetTextDelta().GetText(); text != "" {
		reading.add(len(text))
	}
	if event.GetCompleted() != nil {
		reading.finished = true
	}
	return nil
}

func (c *grpcCall) open(ctx context.Context) error {
	stream, err := c.begin(c.caller.of(ctx))
	if err != nil {
		return err
	}
	reading := reader{start: time.Now()}
	for reading.text == 0 {
		var message []byte
		if err := stream.RecvMsg(&message); err != nil {
			return err
		}
		if err := c.read(&reading, message); err != nil {
			return err
		}
	}
	return nil
}
