package client_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"hedgerow.internal/gen/go/client"
	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
)

type unaryAnswer = func(context.Context, *chatv1.CompleteRequest) (*chatv1.CompleteResponse, error)

// attempts counts how often a failing call reaches the gateway, and with what it ends at the caller.
func attempts(t *testing.T, code codes.Code, trailer metadata.MD, succeedAt int64) (int64, error) {
	t.Helper()
	var count atomic.Int64
	answer := unaryAnswer(func(ctx context.Context, _ *chatv1.CompleteRequest) (*chatv1.CompleteResponse, error) {
		if count.Add(1) == succeedAt {
			return &chatv1.CompleteResponse{}, nil
		}
		if err := grpc.SetTrailer(ctx, trailer); err != nil {
			return nil, err
		}
		return nil, status.Error(code, "no")
	})
	_, err := dialChat(t, &chatGateway{unary: answer}).Complete(bounded(t), &chatv1.CompleteRequest{})
	return count.Load(), err
}

func TestAnUnavailableGatewayIsTriedOnceMore(t *testing.T) {
	if n, err := attempts(t, codes.Unavailable, nil, 2); n != 2 || err != nil {
		t.Fatalf("got %d attempts and %v, want 2 and success", n, err)
	}
}

func TestThereIsNoThirdAttempt(t *testing.T) {
	if n, err := attempts(t, codes.Unavailable, nil, 3); n != 2 || status.Code(err) != codes.Unavailable {
		t.Fatalf("got %d attempts and %v, want 2 and UNAVAILABLE", n, err)
	}
}

func TestOnlyUnavailableIsTriedAgain(t *testing.T) {
	for _, code := range []codes.Code{codes.ResourceExhausted, codes.Aborted, codes.Internal, codes.DeadlineExceeded} {
		if n, err := attempts(t, code, nil, 2); n != 1 || status.Code(err) != code {
			t.Errorf("%v: got %d attempts and %v, want 1", code, n, err)
		}
	}
}

func TestARefusedRetryIsNotMade(t *testing.T) {
	if n, _ := attempts(t, codes.Unavailable, metadata.Pairs("grpc-retry-pushback-ms", "-1"), 2); n != 1 {
		t.Fatalf("got %d attempts, want 1", n)
	}
}

func TestPushbackDelaysTheSecondAttempt(t *testing.T) {
	const delay = 1500 * time.Millisecond // longer than any backoff of the policy
	begin := time.Now()
	if n, err := attempts(t, codes.Unavailable, metadata.Pairs("grpc-retry-pushback-ms", "1500"), 2); n != 2 || err != nil {
		t.Fatalf("got %d attempts and %v, want 2 and success", n, err)
	}
	if waited := time.Since(begin); waited < delay {
		t.Fatalf("the second attempt came after %v, want at least %v", waited, delay)
	}
}

func TestAStreamThatHasBegunIsNotTriedAgain(t *testing.T) {
	var count atomic.Int64
	cut := replay(events(started("p", "m"), text(0, "a")), status.Error(codes.Unavailable, "cut")).stream
	stub := dialChat(t, &chatGateway{stream: func(
		request *chatv1.StreamCompleteRequest, stream grpc.ServerStreamingServer[chatv1.StreamCompleteResponse],
	) error {
		count.Add(1)
		return cut(request, stream)
	}})
	if _, err := read(bounded(t), stub); status.Code(err) != codes.Unavailable || count.Load() != 1 {
		t.Fatalf("got %v after %d calls, want UNAVAILABLE after 1", err, count.Load())
	}
}

func TestAnAddressGetsCallsOnlyWhileItServes(t *testing.T) {
	for state, want := range map[healthpb.HealthCheckResponse_ServingStatus]codes.Code{
		healthpb.HealthCheckResponse_SERVING:     codes.OK,
		healthpb.HealthCheckResponse_NOT_SERVING: codes.Unavailable,
	} {
		t.Run(state.String(), func(t *testing.T) {
			var count atomic.Int64
			answer := func(context.Context, *chatv1.CompleteRequest) (*chatv1.CompleteResponse, error) {
				count.Add(1)
				return &chatv1.CompleteResponse{}, nil
			}
			stub := chatv1.NewChatServiceClient(dial(t, func(s *grpc.Server) {
				chatv1.RegisterChatServiceServer(s, &chatGateway{unary: answer})
				states := health.NewServer()
				states.SetServingStatus("", state)
				healthpb.RegisterHealthServer(s, states)
			}))
			_, err := stub.Complete(bounded(t), &chatv1.CompleteRequest{})
			if got := status.Code(err); got != want || count.Load() > 0 != (want == codes.OK) {
				t.Fatalf("got %v and %d calls at the gateway, want %v", err, count.Load(), want)
			}
		})
	}
}

func TestWithoutHealthCheckAnAddressGetsCallsAnyway(t *testing.T) {
	stub := chatv1.NewChatServiceClient(dial(t, func(s *grpc.Server) {
		chatv1.RegisterChatServiceServer(s, &chatGateway{
			unary: func(context.Context, *chatv1.CompleteRequest) (*chatv1.CompleteResponse, error) {
				return &chatv1.CompleteResponse{}, nil
			},
		})
		states := health.NewServer()
		states.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
		healthpb.RegisterHealthServer(s, states)
	}, client.WithoutHealthCheck()))
	if _, err := stub.Complete(bounded(t), &chatv1.CompleteRequest{}); err != nil {
		t.Fatal(err)
	}
}

func TestAnswersOfMoreThanFourMebibytesAreReceived(t *testing.T) {
	long := strings.Repeat("x", 8<<20)
	stub := dialChat(t, &chatGateway{unary: func(context.Context, *chatv1.CompleteRequest) (*chatv1.CompleteResponse, error) {
		return &chatv1.CompleteResponse{Message: client.TextMessage(chatv1.Role_ROLE_ASSISTANT, long)}, nil
	}})
	answer, err := stub.Complete(bounded(t), &chatv1.CompleteRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if got := len(client.Text(answer.GetMessage())); got != len(long) {
		t.Fatalf("got %d bytes, want %d", got, len(long))
	}
}

// authorization is a gateway that keeps the authorization header of the last call.
func authorization(got *atomic.Pointer[[]string]) func(*grpc.Server) {
	answer := func(ctx context.Context, _ *chatv1.CompleteRequest) (*chatv1.CompleteResponse, error) {
		headers := metadata.ValueFromIncomingContext(ctx, "authorization")
		got.Store(&headers)
		return &chatv1.CompleteResponse{}, nil
	}
	return func(s *grpc.Server) { chatv1.RegisterChatServiceServer(s, &chatGateway{unary: answer}) }
}

func TestEachCallAsksForItsToken(t *testing.T) {
	var got atomic.Pointer[[]string]
	tokens := []string{"first", "second"}
	asked := 0
	stub := chatv1.NewChatServiceClient(dial(t, authorization(&got),
		client.WithPlaintextBearerToken(func(context.Context) (string, error) {
			asked++
			return tokens[asked-1], nil
		})))
	for _, token := range tokens {
		if _, err := stub.Complete(bounded(t), &chatv1.CompleteRequest{}); err != nil {
			t.Fatal(err)
		}
		if headers := *got.Load(); len(headers) != 1 || headers[0] != "Bearer "+token {
			t.Fatalf("got the headers %q, want Bearer %s", headers, token)
		}
	}
}

func TestATokenSourceThatFailsFailsTheCallUnauthenticated(t *testing.T) {
	var got atomic.Pointer[[]string]
	stub := chatv1.NewChatServiceClient(dial(t, authorization(&got),
		client.WithPlaintextBearerToken(func(context.Context) (string, error) { return "", errors.New("no token file") })))
	_, err := stub.Complete(bounded(t), &chatv1.CompleteRequest{})
	if e := mustBeTyped(t, err); e.Code != codes.Unauthenticated || got.Load() != nil {
		t.Fatalf("got %v, want UNAUTHENTICATED without a call", err)
	}
}

func TestATokenIsNotSentInTheClearUnlessAskedFor(t *testing.T) {
	token := client.WithBearerToken(client.StaticToken("secret"))
	for _, options := range [][]client.Option{{client.WithPlaintext(), token}, {token, client.WithPlaintext()}} {
		if _, err := client.Dial(memoryTarget, options...); !errors.Is(err, client.ErrPlaintextToken) {
			t.Errorf("got %v for a token and plaintext together, want ErrPlaintextToken", err)
		}
	}
}

func TestTLSIsTheDefaultAndVerifiesTheGateway(t *testing.T) {
	certificate, roots := selfSigned(t)
	var got atomic.Pointer[[]string]
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.Creds(credentials.NewServerTLSFromCert(&certificate)))
	authorization(&got)(server)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)

	call := func(options ...client.Option) error {
		conn, err := client.Dial(listener.Addr().String(), options...)
		stub := chatv1.NewChatServiceClient(closing(t, conn, err))
		_, err = stub.Complete(bounded(t), &chatv1.CompleteRequest{})
		return err
	}
	if err := call(); status.Code(err) != codes.Unavailable {
		t.Errorf("got %v from a gateway with an unknown certificate, want UNAVAILABLE", err)
	}
	err = call(client.WithTLSConfig(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}),
		client.WithBearerToken(client.StaticToken("secret")))
	if err != nil {
		t.Fatal(err)
	}
	if headers := *got.Load(); len(headers) != 1 || headers[0] != "Bearer secret" {
		t.Errorf("got the headers %q, want the token", headers)
	}
}

// selfSigned is a certificate for 127.0.0.1, and the roots that trust it.
func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}
