// Guardrail serves hedgerow.guardrail.v1.GuardrailService: it finds listed words, and says where they are.
//
// Usage:
//
//	go run ./examples/guardrail [-listen HOST:PORT] WORD…
//
// Try whether it keeps to the contract:
//
//	hedgerow guard check 127.0.0.1:50061 --text "Is it Bouvet?"
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	guardrailv1 "hedgerow.internal/gen/go/hedgerow/guardrail/v1"
)

const (
	maxTexts    = 64
	maxFindings = 256
)

// words finds listed words, in whatever case.
type words struct {
	guardrailv1.UnimplementedGuardrailServiceServer
	listed *regexp.Regexp
}

func newWords(list []string) (*words, error) {
	quoted := make([]string, len(list))
	for i, word := range list {
		quoted[i] = regexp.QuoteMeta(word)
	}
	listed, err := regexp.Compile(`(?i)\b(?:` + strings.Join(quoted, "|") + `)\b`)
	if err != nil {
		return nil, err
	}
	return &words{listed: listed}, nil
}

// Check implements the service.
func (w *words) Check(ctx context.Context, request *guardrailv1.CheckRequest) (*guardrailv1.CheckResponse, error) {
	if count := len(request.GetTexts()); count == 0 || count > maxTexts {
		return nil, status.Errorf(codes.InvalidArgument, "expected 1 to %d texts", maxTexts)
	}
	response := &guardrailv1.CheckResponse{PolicyVersion: "words-1"}
	for _, text := range request.GetTexts() {
		// The gateway does not wait for longer than this.
		if err := ctx.Err(); err != nil {
			return nil, status.FromContextError(err).Err()
		}
		response.Results = append(response.Results, w.result(text.GetText()))
	}
	return response, nil
}

func (w *words) result(text string) *guardrailv1.CheckResult {
	result := &guardrailv1.CheckResult{}
	var offset, codePoints int
	for _, found := range w.listed.FindAllStringIndex(text, maxFindings) {
		// The contract counts code points, Go bytes. Each byte is looked at once.
		codePoints += utf8.RuneCountInString(text[offset:found[0]])
		length := utf8.RuneCountInString(text[found[0]:found[1]])
		result.Findings = append(result.Findings, &guardrailv1.CheckFinding{
			Category:    "words.listed",
			Score:       proto.Float64(1),
			Span:        &guardrailv1.TextSpan{Start: int32(codePoints), End: int32(codePoints + length)},
			Replacement: "[WORD]",
		})
		offset, codePoints = found[1], codePoints+length
	}
	return result
}

func serve(listen string, list []string) error {
	guard, err := newWords(list)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	// The gateway may probe connections without calls (keepalive_seconds), which grpc-go takes for an attack by default.
	server := grpc.NewServer(grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{
		MinTime:             10 * time.Second,
		PermitWithoutStream: true,
	}))
	guardrailv1.RegisterGuardrailServiceServer(server, guard)
	healthy := health.NewServer()
	healthy.SetServingStatus(guardrailv1.GuardrailService_ServiceDesc.ServiceName, healthv1.HealthCheckResponse_SERVING)
	healthv1.RegisterHealthServer(server, healthy)

	ctx, release := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer release()
	go func() {
		<-ctx.Done()
		// No new calls come from now on, and those under way end.
		healthy.Shutdown()
		server.GracefulStop()
	}()
	fmt.Printf("listening on %s\n", listener.Addr())
	return server.Serve(listener)
}

func main() {
	listen := flag.String("listen", "127.0.0.1:50061", "where to listen; port 0 takes a free one")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "Usage: %s [flags] WORD…\n", os.Args[0])
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := serve(*listen, flag.Args()); err != nil {
		log.Fatal(err)
	}
}
