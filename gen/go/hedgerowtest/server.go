package hedgerowtest

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"hedgerow.internal/gen/go/client"
	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
	embedv1 "hedgerow.internal/gen/go/hedgerow/embed/v1"
	routerv1 "hedgerow.internal/gen/go/hedgerow/router/v1"
)

// maxReceiveBytes is what a gateway takes unless it is configured otherwise.
const maxReceiveBytes = 16 << 20

// Server is a gateway for tests. Its methods may be used by several goroutines at once.
type Server struct {
	settings settings
	target   string
	grpc     *grpc.Server
	health   *health.Server
	stopped  chan struct{} // closed when the server begins to stop
	served   chan struct{} // closed when it has stopped
	stop     sync.Once

	mu       sync.Mutex
	chat     script[Reply]
	embed    script[EmbedReply]
	calls    []*call
	idle     *sync.Cond // signalled when a call has ended
	conn     *grpc.ClientConn
	complain func(format string, arguments ...any)
}

// Option changes what a server does by default.
type Option func(*settings)

type settings struct {
	chatModels  []string
	embedModels []string
	token       string
}

// WithModels names the models for chat: any other one is [client.ReasonModelNotFound]. Without it every name is a model.
func WithModels(names ...string) Option {
	return func(s *settings) { s.chatModels = append(s.chatModels, names...) }
}

// WithEmbedModels names the models for embeddings, as [WithModels] does for chat.
func WithEmbedModels(names ...string) Option {
	return func(s *settings) { s.embedModels = append(s.embedModels, names...) }
}

// WithToken makes calls fail with [client.ReasonUnauthenticated] that do not bring this bearer token.
func WithToken(token string) Option { return func(s *settings) { s.token = token } }

// NewServer starts a server that ends with the test. The test fails when a call comes for which nothing is scripted.
func NewServer(t testing.TB, options ...Option) *Server {
	t.Helper()
	s, err := Start(options...)
	if err != nil {
		t.Fatalf("hedgerowtest: %v", err)
	}
	s.complain = t.Errorf
	t.Cleanup(s.Close)
	return s
}

// Start starts a server outside of a test, for an example or a demonstration. The caller closes it. A call for which
// nothing is scripted fails with INTERNAL.
func Start(options ...Option) (*Server, error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening on loopback: %w", err)
	}
	s := &Server{
		target: listener.Addr().String(), health: health.NewServer(),
		stopped: make(chan struct{}), served: make(chan struct{}), complain: func(string, ...any) {},
	}
	s.idle = sync.NewCond(&s.mu)
	for _, option := range options {
		option(&s.settings)
	}
	s.grpc = grpc.NewServer(
		grpc.MaxRecvMsgSize(maxReceiveBytes),
		grpc.ChainUnaryInterceptor(s.unary), grpc.ChainStreamInterceptor(s.stream),
		grpc.UnknownServiceHandler(unknown), grpc.WaitForHandlers(true),
	)
	chatv1.RegisterChatServiceServer(s.grpc, &chatService{server: s})
	embedv1.RegisterEmbedServiceServer(s.grpc, &embedService{server: s})
	routerv1.RegisterRouterServiceServer(s.grpc, &routerService{server: s})
	for name := range s.grpc.GetServiceInfo() {
		s.health.SetServingStatus(name, healthpb.HealthCheckResponse_SERVING)
	}
	healthpb.RegisterHealthServer(s.grpc, s.health)
	go func() {
		defer close(s.served)
		_ = s.grpc.Serve(listener)
	}()
	return s, nil
}

// Close ends the server and the calls that are under way.
func (s *Server) Close() {
	s.stop.Do(func() {
		s.mu.Lock()
		conn := s.conn
		s.mu.Unlock()
		if conn != nil {
			_ = conn.Close()
		}
		close(s.stopped)
		s.health.Shutdown() // ends its watches
		s.grpc.Stop()
		<-s.served
	})
}

// Target is where the server listens, such as "127.0.0.1:43210", without TLS.
func (s *Server) Target() string { return s.target }

// Conn is a connection of [client.Dial] to the server, always the same one, which is closed with the server.
func (s *Server) Conn() *grpc.ClientConn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == nil {
		options := []client.Option{client.WithPlaintext()}
		if s.settings.token != "" {
			options = append(options, client.WithPlaintextBearerToken(client.StaticToken(s.settings.token)))
		}
		conn, err := client.Dial(s.target, options...)
		if err != nil { // the target and the options are ours
			panic(err)
		}
		s.conn = conn
	}
	return s.conn
}

// Chat is a stub of [Server.Conn].
func (s *Server) Chat() chatv1.ChatServiceClient { return chatv1.NewChatServiceClient(s.Conn()) }

// Embed is a stub of [Server.Conn].
func (s *Server) Embed() embedv1.EmbedServiceClient { return embedv1.NewEmbedServiceClient(s.Conn()) }

// Router is a stub of [Server.Conn].
func (s *Server) Router() routerv1.RouterServiceClient {
	return routerv1.NewRouterServiceClient(s.Conn())
}

// SetServing says what the health service says of the server as a whole: a gateway that drains is NOT_SERVING, and
// connections of [client.Dial] then send it no calls.
func (s *Server) SetServing(serving bool) {
	status := healthpb.HealthCheckResponse_NOT_SERVING
	if serving {
		status = healthpb.HealthCheckResponse_SERVING
	}
	s.health.SetServingStatus("", status)
}

// unknown is the answer to RPCs that the server does not have.
func unknown(_ any, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	return unimplemented(method).fail(stream.SetTrailer, callOf(stream.Context()).request.ID)
}
