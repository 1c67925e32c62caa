package hedgerowtest

import (
	"context"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"hedgerow.internal/gen/go/client"
	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
	commonv1 "hedgerow.internal/gen/go/hedgerow/common/v1"
	embedv1 "hedgerow.internal/gen/go/hedgerow/embed/v1"
)

// Request is one call as the server got it. What its messages hold belongs to the server: it is not to be changed.
type Request struct {
	// Method is the name of the RPC, such as "StreamComplete".
	Method string

	// Message is the request: a *chatv1.CompleteRequest, a *chatv1.StreamCompleteRequest, and so on; of StreamEmbed the
	// first message. Nil where none came.
	Message proto.Message

	// Chat is what was asked of the model. Nil for other calls than chat.
	Chat *chatv1.ChatSpec

	// Route is the policy of the call. Nil where it has none.
	Route *commonv1.RoutePolicy

	// Labels are the labels of the call.
	Labels map[string]string

	// Inputs is what Embed or StreamEmbed was given to embed.
	Inputs []*embedv1.EmbedInput

	// ItemIDs are the ids of the inputs of StreamEmbed.
	ItemIDs []string

	// Metadata is what came with the call, such as "authorization".
	Metadata metadata.MD

	// Deadline is when the caller gives up. Zero where it does not say.
	Deadline time.Time

	// ID is the id of the call, as in the trailer x-request-id: the caller's own, or one of the server.
	ID string

	// Ended is true once the call is over, and Code is then its status, CANCELLED where the caller left.
	Ended bool
	Code  codes.Code
}

// Text is the text of the last message of a chat: most often the question.
func (r Request) Text() string {
	messages := r.Chat.GetMessages()
	if len(messages) == 0 {
		return ""
	}
	return client.Text(messages[len(messages)-1])
}

// Requests are the calls so far, in the order in which they came, refused ones too. Calls of the health service are not
// among them.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests := make([]Request, len(s.calls))
	for i, c := range s.calls {
		requests[i] = c.request.snapshot()
	}
	return requests
}

// snapshot does not grow with the call.
func (r Request) snapshot() Request {
	r.Inputs, r.ItemIDs = slices.Clip(r.Inputs), slices.Clip(r.ItemIDs)
	return r
}

// Idle waits until no call is under way, for example to see how a call ended that the caller has left. It fails with the
// error of the context.
func (s *Server) Idle(ctx context.Context) error {
	defer context.AfterFunc(ctx, s.idle.Broadcast)()
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if !slices.ContainsFunc(s.calls, func(c *call) bool { return !c.request.Ended }) {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		s.idle.Wait()
	}
}

// call is a call that is under way, or was.
type call struct {
	server  *Server
	request Request // guarded by the server's mutex
}

type callKey struct{}

func callOf(ctx context.Context) *call { return ctx.Value(callKey{}).(*call) }

// begin notes a call. It is nil for calls of the health service.
func (s *Server) begin(ctx context.Context, method string) (context.Context, *call) {
	if strings.HasPrefix(method, "/grpc.health.") {
		return ctx, nil
	}
	md, _ := metadata.FromIncomingContext(ctx)
	deadline, _ := ctx.Deadline()
	c := &call{server: s, request: Request{Method: path.Base(method), Metadata: md, Deadline: deadline}}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.request.ID = "request-" + strconv.Itoa(len(s.calls)+1)
	if own := md.Get("x-request-id"); len(own) > 0 {
		c.request.ID = own[0]
	}
	s.calls = append(s.calls, c)
	return context.WithValue(ctx, callKey{}, c), c
}

func (c *call) end(err error) {
	if c == nil {
		return
	}
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	c.request.Ended, c.request.Code = true, status.Code(err)
	c.server.idle.Broadcast()
}

// note adds to what is known of the request, and returns a copy.
func (c *call) note(add func(*Request)) Request {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	add(&c.request)
	return c.request.snapshot()
}

// admit refuses a caller without the token.
func (s *Server) admit(c *call) *Fault {
	if c == nil || s.settings.token == "" {
		return nil
	}
	if given := c.request.Metadata.Get("authorization"); len(given) == 1 && given[0] == "Bearer "+s.settings.token {
		return nil
	}
	return unauthenticated()
}

func (s *Server) unary(ctx context.Context, request any, info *grpc.UnaryServerInfo,
	handle grpc.UnaryHandler,
) (response any, err error) {
	ctx, c := s.begin(ctx, info.FullMethod)
	defer func() { c.end(err) }()
	if refusal := s.admit(c); refusal != nil {
		return nil, refusal.fail(trailers(ctx), c.request.ID)
	}
	response, err = handle(ctx, request)
	return response, leaving(ctx, err)
}

func (s *Server) stream(service any, stream grpc.ServerStream, info *grpc.StreamServerInfo,
	handle grpc.StreamHandler,
) (err error) {
	ctx, c := s.begin(stream.Context(), info.FullMethod)
	defer func() { c.end(err) }()
	if refusal := s.admit(c); refusal != nil {
		return refusal.fail(stream.SetTrailer, c.request.ID)
	}
	return leaving(ctx, handle(service, &streamOfCall{stream, ctx}))
}

// leaving is the status of a call whose caller has left, whatever that did to the call.
func leaving(ctx context.Context, err error) error {
	if gone := ctx.Err(); gone != nil && err != nil {
		return status.FromContextError(gone).Err()
	}
	return err
}

// streamOfCall knows its call.
type streamOfCall struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *streamOfCall) Context() context.Context { return s.ctx }

// trailers sets trailers of a unary call.
func trailers(ctx context.Context) func(metadata.MD) {
	return func(md metadata.MD) { _ = grpc.SetTrailer(ctx, md) } // it fails outside of a call only
}
