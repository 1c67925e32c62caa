package hedgerowtest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"hedgerow.internal/gen/go/client"
	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
	commonv1 "hedgerow.internal/gen/go/hedgerow/common/v1"
	errorsv1 "hedgerow.internal/gen/go/hedgerow/errors/v1"
	routerv1 "hedgerow.internal/gen/go/hedgerow/router/v1"
	"hedgerow.internal/gen/go/hedgerowtest"
)

// patience bounds every wait of these tests.
const patience = 10 * time.Second

func bounded(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func spec(model, words string) *chatv1.ChatSpec {
	return &chatv1.ChatSpec{Model: model, Messages: []*chatv1.Message{client.TextMessage(chatv1.Role_ROLE_USER, words)}}
}

func ask(words string) *chatv1.CompleteRequest {
	return &chatv1.CompleteRequest{Chat: spec("fast", words)}
}

func askStream(words string) *chatv1.StreamCompleteRequest {
	return &chatv1.StreamCompleteRequest{Chat: spec("fast", words)}
}

// events are all events of a stream, and the error that came last.
func events(t *testing.T, server *hedgerowtest.Server) (got []*chatv1.StreamCompleteResponse, last error) {
	t.Helper()
	for event, err := range client.Stream(bounded(t), server.Chat(), askStream("Where?")) {
		if err != nil {
			last = err
		} else {
			got = append(got, event)
		}
	}
	return got, last
}

func scripted(t *testing.T, replies ...hedgerowtest.Reply) *hedgerowtest.Server {
	t.Helper()
	server := hedgerowtest.NewServer(t)
	server.Script(replies...)
	return server
}

func typed(t *testing.T, err error) *client.Error {
	t.Helper()
	var e *client.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a *client.Error", err)
	}
	return e
}

// everything is an answer with all that an answer can have.
func everything() hedgerowtest.Answer {
	cost := int64(42)
	return hedgerowtest.Answer{
		Reasoning: "It is far away.",
		Text:      "In the  Southern\nOcean. ",
		ToolCalls: []hedgerowtest.ToolCall{
			{Name: "look", Arguments: map[string]any{"deep sea": true}}, {ID: "mine", Name: "wait"}, {Name: "broken", Arguments: `{"a`},
		},
		Parts: []*chatv1.Part{
			{Content: &chatv1.Part_Image{Image: &chatv1.Image{MediaType: "image/png", Source: &chatv1.Image_Data{Data: []byte("png")}}}},
			{Content: &chatv1.Part_Audio{Audio: &chatv1.Audio{
				MediaType: "audio/wav", Transcript: "word", Source: &chatv1.Audio_Data{Data: []byte("wav")},
			}}},
			{Content: &chatv1.Part_File{File: &chatv1.File{
				MediaType: "application/pdf", Source: &chatv1.File_Url{Url: "https://example.com/a.pdf"},
			}}},
			{Content: &chatv1.Part_ProviderItem{ProviderItem: &chatv1.ProviderItem{Provider: "p", Type: "t", Data: []byte("{}")}}},
			{
				Content:       &chatv1.Part_Text{Text: "Cited."},
				Citations:     []*chatv1.Citation{{Url: "https://example.com"}},
				Logprobs:      []*chatv1.TokenLogprob{{Token: "Cited.", Logprob: -0.5}},
				ProviderState: &chatv1.ProviderState{Provider: "p", Data: []byte("s")},
			},
		},
		Provider: "p", Model: "m", CostPicos: &cost,
		Warnings: []*commonv1.Warning{{Field: "chat.top_k"}},
		Verdicts: []*chatv1.GuardrailVerdict{{Guardrail: "g"}},
		Cache:    &chatv1.CacheOrigin{Kind: chatv1.CacheKind_CACHE_KIND_EXACT},
	}
}

func TestAnAnswerIsTheSameStreamedAndInOnePiece(t *testing.T) {
	server := scripted(t, everything().Times(2))
	ctx := metadata.AppendToOutgoingContext(bounded(t), "x-request-id", "same")
	whole, err := server.Chat().Complete(ctx, ask("Where?"))
	if err != nil {
		t.Fatal(err)
	}
	folded, err := client.Collect(client.Stream(ctx, server.Chat(), askStream("Where?")))
	if err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(whole, folded) {
		t.Fatalf("got  %v\nwant %v", folded, whole)
	}
	answer := everything()
	if got := whole.GetMessage().GetContent(); len(got) != 10 || got[0].GetReasoning().GetText() != answer.Reasoning ||
		got[1].GetText() != answer.Text || got[2].GetToolCall().GetArguments() != `{"deep sea":true}` ||
		got[3].GetToolCall().GetId() != "mine" || got[3].GetToolCall().GetArguments() != "{}" ||
		got[4].GetToolCall().GetArguments() != `{"a` || !proto.Equal(got[9], answer.Parts[4]) {
		t.Fatalf("got the parts %v", got)
	}
	if whole.GetFinishReason() != chatv1.FinishReason_FINISH_REASON_TOOL_CALLS || whole.GetCostPicos() != 42 ||
		len(whole.GetWarnings()) != 1 || len(whole.GetGuardrailVerdicts()) != 1 || whole.GetCacheOrigin() == nil {
		t.Fatalf("got %v", whole)
	}
}

func TestAStreamKeepsToTheContract(t *testing.T) {
	got, err := events(t, scripted(t, everything()))
	if err != nil {
		t.Fatal(err)
	}
	for i, event := range got {
		if event.GetSequence() != int64(i)+1 || (event.GetStarted() != nil) != (i == 0) ||
			(event.GetCompleted() != nil) != (i == len(got)-1) {
			t.Errorf("event %d is %v", i, event)
		}
	}
}

func TestTextIsSentWordByWordOrAsTheChunksSay(t *testing.T) {
	for want, answer := range map[string]hedgerowtest.Answer{
		"In the  |Southern\n|Ocean. ": {Text: "In the  Southern\nOcean. "},
		" one":                        {Text: " one"},
		"a|b c|d":                     {Chunks: []string{"a", "b c", "d"}},
	} {
		got, err := events(t, scripted(t, answer))
		if err != nil {
			t.Fatal(err)
		}
		var deltas []string
		for _, event := range got {
			if delta := event.GetTextDelta(); delta != nil {
				deltas = append(deltas, delta.GetText())
			}
		}
		want = strings.ReplaceAll(want, "In the", "In |the")
		if joined := strings.Join(deltas, "|"); joined != want {
			t.Errorf("got %q, want %q", joined, want)
		}
	}
}

func TestUsageCountsWordsUnlessItIsGiven(t *testing.T) {
	given := &commonv1.Usage{InputTokens: 7, InputUncachedTokens: 7}
	server := scripted(t, hedgerowtest.Answer{Text: "one two three", Reasoning: "well"}, hedgerowtest.Answer{Usage: given})
	counted, err := server.Chat().Complete(bounded(t), ask("four words are here"))
	if err != nil {
		t.Fatal(err)
	}
	if u := counted.GetUsage(); u.GetInputTokens() != 4 || u.GetOutputVisibleTokens() != 3 || u.GetOutputReasoningTokens() != 1 ||
		u.GetOutputTokens() != 4 || !u.GetFinal() {
		t.Errorf("got %v", u)
	}
	own, err := server.Chat().Complete(bounded(t), ask("Where?"))
	if err != nil || !proto.Equal(own.GetUsage(), given) {
		t.Errorf("got %v, %v", own.GetUsage(), err)
	}
}

func TestEveryCallEndsWithItsIDAndReport(t *testing.T) {
	server := scripted(t, hedgerowtest.Answer{Text: "a", Provider: "p"}.Times(2))
	var unary, streamed metadata.MD
	if _, err := server.Chat().Complete(bounded(t), ask("Where?"), grpc.Trailer(&unary)); err != nil {
		t.Fatal(err)
	}
	ctx := metadata.AppendToOutgoingContext(bounded(t), "x-request-id", "own-id")
	if _, err := client.Collect(client.Stream(ctx, server.Chat(), askStream("Where?"), grpc.Trailer(&streamed))); err != nil {
		t.Fatal(err)
	}
	for want, trailer := range map[string]metadata.MD{"request-1": unary, "own-id": streamed} {
		report := client.Report(trailer)
		if client.RequestID(trailer) != want || report.GetRequestId() != want || report.GetAttempts()[0].GetProvider() != "p" ||
			report.GetUsage().GetOutputTokens() != 1 {
			t.Errorf("got the id %q and the report %v, want %s", client.RequestID(trailer), report, want)
		}
	}
}

func TestFailuresThenSuccess(t *testing.T) {
	server := scripted(t, hedgerowtest.Fault{Reason: client.ReasonProviderUnavailable}.Times(3), hedgerowtest.Answer{Text: "At last."})
	for range 3 {
		if _, err := server.Chat().Complete(bounded(t), ask("Where?")); !errors.Is(err, client.ReasonProviderUnavailable) {
			t.Fatalf("got %v", err)
		}
	}
	answer, err := server.Chat().Complete(bounded(t), ask("Where?"))
	if err != nil || client.Text(answer.GetMessage()) != "At last." || server.Remaining() != 0 {
		t.Fatalf("got %v, %v and %d remain", answer, err, server.Remaining())
	}
}

func TestTheConnectionTriesAgainAfterThePushback(t *testing.T) {
	server := scripted(t, hedgerowtest.Unavailable(time.Millisecond), hedgerowtest.Answer{Text: "At last."})
	if _, err := server.Chat().Complete(bounded(t), ask("Where?")); err != nil {
		t.Fatal(err)
	}
	codesSeen := []codes.Code{server.Requests()[0].Code, server.Requests()[1].Code}
	if !slices.Equal(codesSeen, []codes.Code{codes.Unavailable, codes.OK}) {
		t.Fatalf("got the calls %v", codesSeen)
	}
}

// TestEveryReasonHasTheCodeAndDetailsOfTheContract reads the codes from the protos, where they lie beside this module.
func TestEveryReasonHasTheCodeAndDetailsOfTheContract(t *testing.T) {
	source, err := os.ReadFile(filepath.Join("..", "..", "..", "protos", "hedgerow", "errors", "v1", "error_reason.proto"))
	if err != nil {
		t.Skip("the protos are not here")
	}
	for number, name := range errorsv1.ErrorReason_name {
		if number == 0 {
			continue
		}
		found := regexp.MustCompile(`// ([A-Z_]+)\. [^\n]*\n(?:\s*//[^\n]*\n)*\s*` + name + ` = `).FindSubmatch(source)
		if found == nil {
			t.Fatalf("%s: no code in its comment", name)
		}
		var want codes.Code
		if err := want.UnmarshalJSON([]byte(`"` + string(found[1]) + `"`)); err != nil {
			t.Fatal(err)
		}
		server := scripted(t, hedgerowtest.Fault{
			Reason: client.Reason(number), Metadata: map[string]string{"field": "chat.top_k", "model": "m"},
		}.Always())
		_, failed := server.Chat().Complete(bounded(t), ask("Where?"))
		e := typed(t, failed)
		details := map[codes.Code]bool{
			codes.InvalidArgument:    len(e.FieldViolations) == 1 && e.FieldViolations[0].GetField() == "chat.top_k",
			codes.NotFound:           e.Resource.GetResourceName() == "m",
			codes.FailedPrecondition: len(e.PreconditionViolations) == 1,
			codes.ResourceExhausted:  len(e.QuotaViolations) == 1 && e.RetryRefused,
		}
		if complete, special := details[want]; e.Code != want || e.ReasonName != name || special && !complete || e.RequestID == "" {
			t.Errorf("%s: got %v, want %v with its details", name, e, want)
		}
		server.Close()
	}
}

func TestABareStatusHasNothingOfAGateway(t *testing.T) {
	server := scripted(t, hedgerowtest.Fault{Code: codes.PermissionDenied, Message: "not through this proxy"})
	_, err := server.Chat().Complete(bounded(t), ask("Where?"))
	e := typed(t, err)
	if e.Code != codes.PermissionDenied || e.ReasonName != "" || e.RequestID != "" || e.Report != nil ||
		e.Message != "not through this proxy" {
		t.Fatalf("got %+v", e)
	}
}

func TestAFaultComesAfterAPartOfTheAnswer(t *testing.T) {
	got, err := events(t, scripted(t, hedgerowtest.Fault{
		Reason: client.ReasonStreamCut, After: &hedgerowtest.Answer{Text: "In the"},
	}))
	if e := typed(t, err); !errors.Is(err, client.ReasonStreamCut) || !e.RetryRefused || len(got) != 3 {
		t.Fatalf("got %d events and %v, want Started and two words", len(got), err)
	}
}

func TestACutStreamEndsWithoutCompleted(t *testing.T) {
	server := scripted(t, hedgerowtest.Fault{Cut: true, After: &hedgerowtest.Answer{Text: "In the"}}.Always())
	got, err := events(t, server)
	if !errors.Is(err, client.ErrIncomplete) || len(got) != 3 {
		t.Fatalf("got %d events and %v", len(got), err)
	}
	if _, err := server.Chat().Complete(bounded(t), ask("Where?")); status.Code(err) != codes.Unavailable {
		t.Fatalf("got %v for an answer in one piece, want UNAVAILABLE", err)
	}
}

func TestAStallLastsUntilTheCallerLeaves(t *testing.T) {
	server := scripted(t, hedgerowtest.Fault{Stall: true, After: &hedgerowtest.Answer{Text: "In"}}.Times(2))
	ctx, cancel := context.WithCancel(bounded(t))
	defer cancel()
	var last error
	for event, err := range client.Stream(ctx, server.Chat(), askStream("Where?")) {
		last = err
		if event.GetTextDelta() != nil {
			cancel()
		}
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("got %v, want the caller's cancel", last)
	}
	short, end := context.WithTimeout(bounded(t), 20*time.Millisecond)
	defer end()
	if _, err := server.Chat().Complete(short, ask("Where?")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the deadline", err)
	}
	if err := server.Idle(bounded(t)); err != nil {
		t.Fatal(err)
	}
	if got := server.Requests(); got[0].Code != codes.Canceled || got[1].Deadline.IsZero() || !got[1].Ended {
		t.Errorf("got the requests %+v", got)
	}
}

func TestDelaysAddUpToAtLeastTheirSum(t *testing.T) {
	slow := hedgerowtest.Answer{Text: "a b", FirstDelay: 20 * time.Millisecond, Delay: 10 * time.Millisecond} // four events
	server := scripted(t, slow.Always())
	for name, call := range map[string]func() error{
		"unary":  func() error { _, err := server.Chat().Complete(bounded(t), ask("Where?")); return err },
		"stream": func() error { _, err := events(t, server); return err },
	} {
		begin := time.Now()
		if err := call(); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took < 50*time.Millisecond {
			t.Errorf("%s: took %v, want at least 50 ms", name, took)
		}
	}
}

func TestAFuncRepliesByTheRequest(t *testing.T) {
	server := scripted(t, hedgerowtest.Func(func(request hedgerowtest.Request) hedgerowtest.Reply {
		if request.Text() == "fail" {
			return hedgerowtest.Fault{Reason: client.ReasonForbidden}
		}
		return hedgerowtest.Answer{Text: request.Text() + "!"}
	}))
	var all sync.WaitGroup
	for i := range 20 {
		all.Add(1)
		go func() {
			defer all.Done()
			words := fmt.Sprint("call ", i)
			answer, err := server.Chat().Complete(bounded(t), ask(words))
			if err != nil || client.Text(answer.GetMessage()) != words+"!" {
				t.Errorf("got %v, %v", answer, err)
			}
		}()
	}
	all.Wait()
	if _, err := server.Chat().Complete(bounded(t), ask("fail")); !errors.Is(err, client.ReasonForbidden) {
		t.Errorf("got %v", err)
	}
}

func TestAModelWithAScriptOfItsOwnTakesFromItFirst(t *testing.T) {
	server := scripted(t, hedgerowtest.Answer{Text: "any"}.Times(2))
	server.ScriptFor("smart", hedgerowtest.Answer{Text: "own"})
	for _, want := range [][2]string{{"fast", "any"}, {"smart", "own"}, {"smart", "any"}} {
		answer, err := server.Chat().Complete(bounded(t), &chatv1.CompleteRequest{Chat: spec(want[0], "Where?")})
		if err != nil || client.Text(answer.GetMessage()) != want[1] {
			t.Errorf("%v: got %v, %v", want, answer, err)
		}
	}
}

func TestTheRequestsAreThere(t *testing.T) {
	server := scripted(t, hedgerowtest.Answer{}.Times(2))
	request := ask("Where?")
	request.Labels = map[string]string{"feature": "search"}
	request.Route = &commonv1.RoutePolicy{AllowRouteChange: true}
	ctx := metadata.AppendToOutgoingContext(bounded(t), "traceparent", "00-1-2-01")
	if _, err := server.Chat().Complete(ctx, request); err != nil {
		t.Fatal(err)
	}
	if _, err := events(t, server); err != nil {
		t.Fatal(err)
	}
	got := server.Requests()
	if len(got) != 2 || got[0].Method != "Complete" || got[1].Method != "StreamComplete" || got[0].Text() != "Where?" ||
		got[0].Labels["feature"] != "search" || !got[0].Route.GetAllowRouteChange() || !proto.Equal(got[0].Message, request) ||
		got[0].Metadata.Get("traceparent")[0] != "00-1-2-01" || got[0].ID != "request-1" || got[0].Chat.GetModel() != "fast" {
		t.Fatalf("got %+v", got)
	}
}

func TestARequestThatNoGatewayTakesIsRefused(t *testing.T) {
	server := hedgerowtest.NewServer(t, hedgerowtest.WithModels("fast"))
	for field, chat := range map[string]*chatv1.ChatSpec{
		"chat":                     nil,
		"chat.model":               spec("", "Where?"),
		"chat.messages":            {Model: "fast"},
		"chat.messages[0].role":    {Model: "fast", Messages: []*chatv1.Message{client.TextMessage(0, "Where?")}},
		"chat.messages[0].content": {Model: "fast", Messages: []*chatv1.Message{{Role: chatv1.Role_ROLE_USER}}},
	} {
		_, err := server.Chat().Complete(bounded(t), &chatv1.CompleteRequest{Chat: chat})
		if e := typed(t, err); !errors.Is(err, client.ReasonRequestInvalid) || e.FieldViolations[0].GetField() != field {
			t.Errorf("%s: got %v", field, err)
		}
	}
	_, err := server.Chat().Complete(bounded(t), &chatv1.CompleteRequest{Chat: spec("fsat", "Where?")})
	if e := typed(t, err); !errors.Is(err, client.ReasonModelNotFound) || e.Resource.GetResourceName() != "fsat" {
		t.Errorf("got %v", err)
	}
}

func TestATokenIsAskedFor(t *testing.T) {
	server := hedgerowtest.NewServer(t, hedgerowtest.WithToken("secret"))
	server.Script(hedgerowtest.Answer{}.Always())
	if _, err := server.Chat().Complete(bounded(t), ask("Where?")); err != nil {
		t.Fatal(err)
	}
	conn, err := client.Dial(server.Target(), client.WithPlaintext())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	stub := chatv1.NewChatServiceClient(conn)
	if _, err := stub.Complete(bounded(t), ask("Where?")); !errors.Is(err, client.ReasonUnauthenticated) {
		t.Errorf("got %v", err)
	}
	if _, err := client.Collect(client.Stream(bounded(t), stub, askStream("Where?"))); !errors.Is(err, client.ReasonUnauthenticated) {
		t.Errorf("got %v", err)
	}
}

// failing is a test that notes that it has failed.
type failing struct {
	testing.TB
	mu    sync.Mutex
	lines []string
}

func (f *failing) Errorf(format string, arguments ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lines = append(f.lines, fmt.Sprintf(format, arguments...))
}

func TestWhatTheTestHasNotProvidedForFailsTheTest(t *testing.T) {
	for want, reply := range map[string]hedgerowtest.Reply{
		`nothing is scripted for a call of the model "fast"`: nil,
		"the field JSON: json: unsupported type: func()":     hedgerowtest.Answer{JSON: func() {}},
		"the first event is not Started":                     hedgerowtest.Recording{Events: []*chatv1.StreamCompleteResponse{{Sequence: 1}}},
	} {
		note := &failing{TB: t}
		server := hedgerowtest.NewServer(note)
		if reply != nil {
			server.Script(reply)
		}
		_, err := server.Chat().Complete(bounded(t), ask("Where?"))
		if status.Code(err) != codes.Internal || len(note.lines) != 1 || !strings.Contains(note.lines[0], want) {
			t.Errorf("got %v and the lines %q, want %q", err, note.lines, want)
		}
	}
}

func TestModelsAreListedInPages(t *testing.T) {
	server := hedgerowtest.NewServer(t, hedgerowtest.WithModels("smart", "fast"), hedgerowtest.WithEmbedModels("embed-small"))
	var names []string
	request := &routerv1.ListModelsRequest{PageSize: 2}
	for {
		page, err := server.Router().ListModels(bounded(t), request)
		if err != nil {
			t.Fatal(err)
		}
		for _, model := range page.GetModels() {
			names = append(names, model.GetName())
		}
		if request.PageToken = page.GetNextPageToken(); request.GetPageToken() == "" {
			break
		}
	}
	if !slices.Equal(names, []string{"embed-small", "fast", "smart"}) {
		t.Errorf("got %v", names)
	}
	chat, err := server.Router().ListModels(bounded(t), &routerv1.ListModelsRequest{Kind: routerv1.ModelKind_MODEL_KIND_CHAT})
	if err != nil || len(chat.GetModels()) != 2 {
		t.Errorf("got %v, %v", chat, err)
	}
	if _, err := server.Router().ListModels(bounded(t), &routerv1.ListModelsRequest{PageToken: "x"}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("got %v", err)
	}
}

func TestWhatTheServerDoesNotHaveIsUnimplemented(t *testing.T) {
	server := hedgerowtest.NewServer(t)
	_, err := server.Router().CountTokens(bounded(t), &routerv1.CountTokensRequest{})
	if !errors.Is(err, client.ReasonRPCUnknown) {
		t.Errorf("got %v", err)
	}
	err = server.Conn().Invoke(bounded(t), "/hedgerow.x.v1.X/Y", &chatv1.CompleteRequest{}, &chatv1.CompleteResponse{})
	if e := typed(t, err); !errors.Is(err, client.ReasonRPCUnknown) || e.Metadata["method"] != "hedgerow.x.v1.X/Y" {
		t.Errorf("got %v", err)
	}
}

func TestADrainingServerGetsNoCalls(t *testing.T) {
	server := scripted(t, hedgerowtest.Answer{}.Always())
	check := func() healthpb.HealthCheckResponse_ServingStatus {
		answer, err := healthpb.NewHealthClient(server.Conn()).Check(bounded(t), &healthpb.HealthCheckRequest{
			Service: chatv1.ChatService_ServiceDesc.ServiceName,
		})
		if err != nil {
			t.Fatal(err)
		}
		return answer.GetStatus()
	}
	if got := check(); got != healthpb.HealthCheckResponse_SERVING {
		t.Fatalf("got %v", got)
	}
	server.SetServing(false)
	deadline := time.Now().Add(patience)
	for {
		_, err := server.Chat().Complete(bounded(t), ask("Where?"))
		if status.Code(err) == codes.Unavailable {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("got %v, want UNAVAILABLE once the connection knows", err)
		}
		time.Sleep(time.Millisecond)
	}
	for _, request := range server.Requests() {
		if request.Code != codes.OK {
			t.Fatalf("got the request %+v, want none after it drains", request)
		}
	}
}

func TestAClosedServerLeavesNoGoroutines(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 5 {
		server, err := hedgerowtest.Start()
		if err != nil {
			t.Fatal(err)
		}
		server.Script(hedgerowtest.Fault{Stall: true}.Always())
		waits := make(chan error)
		go func() {
			_, err := server.Chat().Complete(bounded(t), ask("Where?"))
			waits <- err
		}()
		for len(server.Requests()) == 0 {
			time.Sleep(time.Millisecond)
		}
		server.Close()
		if err := <-waits; err == nil {
			t.Fatal("a call that stalls was answered")
		}
	}
	deadline := time.Now().Add(patience)
	for runtime.NumGoroutine() > before+2 {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines before, %d after", before, runtime.NumGoroutine())
		}
		time.Sleep(time.Millisecond)
	}
}
