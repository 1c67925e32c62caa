package client

import (
	"context"
	"crypto/tls"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/health" // switches client-side health checking on; without it healthCheckConfig does nothing
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
)

const (
	// The gateway closes connections that are pinged more often than every 10 s.
	keepaliveTime    = 30 * time.Second
	keepaliveTimeout = 10 * time.Second

	maxReceiveBytes = 16 << 20
)

// serviceConfig spreads calls over all addresses of the target that report SERVING for the server as a whole, and tries
// a call that the gateway could not take once more. gRPC sends the second attempt only where the first one brought no
// answer at all, and obeys the trailer grpc-retry-pushback-ms. The throttle stops second attempts while most calls fail.
const serviceConfig = `{
  "loadBalancingConfig": [{"round_robin": {}}],
  "healthCheckConfig": {"serviceName": ""},
  "methodConfig": [{
    "name": [{}],
    "retryPolicy": {
      "maxAttempts": 2,
      "initialBackoff": "0.1s",
      "maxBackoff": "1s",
      "backoffMultiplier": 2,
      "retryableStatusCodes": ["UNAVAILABLE"]
    }
  }],
  "retryThrottling": {"maxTokens": 100, "tokenRatio": 0.1}
}`

// Option changes what [Dial] does by default.
type Option func(*settings)

type settings struct {
	transport credentials.TransportCredentials
	plaintext bool
	token     *bearer
	dial      []grpc.DialOption
}

// TokenSource gives the bearer token of one call. It is asked for every call and from many goroutines at once, so it
// should keep a token until it expires. An error fails the call with UNAUTHENTICATED, or with its own code where it is
// a gRPC status.
type TokenSource func(ctx context.Context) (string, error)

// StaticToken is the source of a token that does not expire.
func StaticToken(token string) TokenSource {
	return func(context.Context) (string, error) { return token, nil }
}

// WithTLSConfig verifies the gateway, and identifies the caller where the gateway asks for a certificate, as config
// says. The default is TLS with the system's roots.
func WithTLSConfig(config *tls.Config) Option {
	return func(s *settings) { s.transport, s.plaintext = credentials.NewTLS(config), false }
}

// WithPlaintext does without TLS: for loopback, or where a sidecar encrypts. Tokens are refused on such a connection;
// see [WithPlaintextBearerToken].
func WithPlaintext() Option {
	return func(s *settings) { s.transport, s.plaintext = insecure.NewCredentials(), true }
}

// WithBearerToken sends "authorization: Bearer TOKEN" with each call. Together with [WithPlaintext] it makes Dial fail.
func WithBearerToken(source TokenSource) Option {
	return func(s *settings) { s.token = &bearer{source: source, secure: true} }
}

// WithPlaintextBearerToken is [WithBearerToken] for connections without TLS too. Whoever can listen on the way to the
// gateway can then read the token.
func WithPlaintextBearerToken(source TokenSource) Option {
	return func(s *settings) { s.token = &bearer{source: source, secure: false} }
}

// WithoutHealthCheck is for a proxy between here and several gateways, such as a mesh's sidecar, which checks their health
// itself. What the health service says through it is that of one of them, and would count for all.
func WithoutHealthCheck() Option { return WithDialOptions(grpc.WithDisableHealthCheck()) }

// WithDialOptions passes options on to gRPC, after those of Dial, so that they win where both set the same thing.
// Interceptors among them run inside those of Dial and see plain status errors.
func WithDialOptions(options ...grpc.DialOption) Option {
	return func(s *settings) { s.dial = append(s.dial, options...) }
}

// Dial makes a connection to a gateway for the generated stubs; it connects with the first call. The target is a gRPC
// target such as "hedgerow.example:50051" or "dns:///hedgerow-headless:50051". The caller closes the connection.
//
// What it sets, and [WithDialOptions] can change:
//   - TLS with the system's roots.
//   - Round robin over all addresses of the target. An address gets no calls while its grpc.health.v1 service does not
//     say SERVING for "", for example because that gateway drains; see [WithoutHealthCheck].
//   - At most two attempts of a call, the second one only after UNAVAILABLE and only where the gateway does not refuse
//     it. The gateway does its own retries and failover towards providers.
//   - Keepalive: a ping after 30 s of silence while calls are open, given up after another 10 s.
//   - Messages of up to 16 MiB are received (gRPC's default is 4 MiB). What is sent is not limited here: the gateway's
//     own limit is configurable, and its error says what it is.
//   - Failed calls of all stubs return an [*Error].
//
// The error is not nil when options contradict each other, as [ErrPlaintextToken] says, or the target cannot be parsed,
// never because the gateway cannot be reached: that is an error of the calls.
func Dial(target string, options ...Option) (*grpc.ClientConn, error) {
	s := settings{transport: credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12})}
	for _, option := range options {
		option(&s)
	}
	defaults := []grpc.DialOption{
		grpc.WithTransportCredentials(s.transport),
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: keepaliveTime, Timeout: keepaliveTimeout}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxReceiveBytes)),
		grpc.WithUserAgent("hedgerow-go"),
		grpc.WithChainUnaryInterceptor(typedUnary),
		grpc.WithChainStreamInterceptor(typedStream),
	}
	if s.token != nil {
		if s.token.secure && s.plaintext {
			return nil, ErrPlaintextToken
		}
		// An option of the calls and not of the connection: health checks need no token, and one that cannot be had shall
		// fail the call at once and not keep the connection from becoming ready.
		defaults = append(defaults, grpc.WithDefaultCallOptions(grpc.PerRPCCredentials(s.token)))
	}
	return grpc.NewClient(target, append(defaults, s.dial...)...)
}

// bearer is the token of each call as gRPC wants it.
type bearer struct {
	source TokenSource
	secure bool
}

func (b *bearer) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	token, err := b.source(ctx)
	if _, isStatus := status.FromError(err); !isStatus {
		return nil, status.Errorf(codes.Unauthenticated, "getting the bearer token: %v", err)
	}
	if err != nil {
		return nil, err
	}
	return map[string]string{"authorization": "Bearer " + token}, nil
}

func (b *bearer) RequireTransportSecurity() bool { return b.secure }
