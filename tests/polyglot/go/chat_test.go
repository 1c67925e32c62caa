package polyglot

import (
	"crypto/rand"
	"errors"
	"io"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"hedgerow.internal/gen/go/client"
	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
	commonv1 "hedgerow.internal/gen/go/hedgerow/common/v1"
	errorsv1 "hedgerow.internal/gen/go/hedgerow/errors/v1"
	routerv1 "hedgerow.internal/gen/go/hedgerow/router/v1"
)

func TestUnaryAnswers(t *testing.T) {
	answer, err := dialChat(t).Complete(bounded(t), ask("fast"))
	if err != nil {
		t.Fatal(err)
	}
	if client.Text(answer.GetMessage()) == "" || answer.GetMessage().GetRole() != chatv1.Role_ROLE_ASSISTANT ||
		answer.GetFinishReason() != chatv1.FinishReason_FINISH_REASON_STOP ||
		answer.GetUsage().GetInputTokens() == 0 || answer.GetUsage().GetOutputTokens() == 0 ||
		answer.GetProvider() == "" || answer.GetModel() == "" || len(answer.GetAttempts()) != 1 {
		t.Fatalf("got the answer %v", answer)
	}
}

func TestAStreamFoldsToTheUnaryAnswer(t *testing.T) {
	stub := dialChat(t)
	want, err := stub.Complete(bounded(t), ask("fast"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := client.Collect(client.Stream(bounded(t), stub, askStream("fast")))
	if err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(got.GetMessage(), want.GetMessage()) || got.GetFinishReason() != want.GetFinishReason() ||
		!proto.Equal(got.GetUsage(), want.GetUsage()) || got.GetModel() != want.GetModel() {
		t.Fatalf("got  %v\nwant %v", got, want)
	}
}

func TestARouteChangeLeavesTheSecondCandidatesAnswerAlone(t *testing.T) {
	stub := dialChat(t)
	want, err := stub.Complete(bounded(t), ask("fast"))
	if err != nil {
		t.Fatal(err)
	}
	request := askStream("cut-then-fast")
	request.Route = &commonv1.RoutePolicy{AllowRouteChange: true}
	var fold client.Fold
	var before, changes int
	for event, err := range client.Stream(bounded(t), stub, request) {
		if err != nil {
			t.Fatal(err)
		}
		if event.GetRouteChange() != nil {
			changes++
		} else if event.GetTextDelta() != nil && changes == 0 {
			before++
		}
		if err := fold.Add(event); err != nil {
			t.Fatal(err)
		}
	}
	got, err := fold.Answer()
	if err != nil {
		t.Fatal(err)
	}
	if before == 0 || changes != 1 {
		t.Fatalf("got %d pieces of text before %d changes of route", before, changes)
	}
	if !proto.Equal(got.GetMessage(), want.GetMessage()) || got.GetModel() != want.GetModel() {
		t.Fatalf("got  %v\nwant %v", got, want)
	}
}

func TestTheFoldOfAStreamIsAcceptedInTheNextRequest(t *testing.T) {
	stub := dialChat(t)
	request := askStream("fast")
	for range 2 {
		answer, err := client.Collect(client.Stream(bounded(t), stub, request))
		if err != nil {
			t.Fatal(err)
		}
		request.Chat.Messages = append(request.Chat.Messages, answer.GetMessage(),
			client.TextMessage(chatv1.Role_ROLE_USER, "And who lives there?"))
	}
}

// TestGeneratedStubsAloneAreEnough streams without the helper: what a team in a hurry writes.
func TestGeneratedStubsAloneAreEnough(t *testing.T) {
	conn, err := grpc.NewClient(address(t, "HEDGEROW_TEST_TARGET"),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	stub := chatv1.NewChatServiceClient(closing(t, conn, err))
	stream, err := stub.StreamComplete(bounded(t), &chatv1.StreamCompleteRequest{Chat: &chatv1.ChatSpec{
		Model: "fast",
		Messages: []*chatv1.Message{{
			Role:    chatv1.Role_ROLE_USER,
			Content: []*chatv1.Part{{Content: &chatv1.Part_Text{Text: "hi"}}},
		}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	var text string
	var last *chatv1.StreamCompleteResponse
	for number := int64(1); ; number++ {
		event, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if event.GetSequence() != number || (event.GetStarted() != nil) != (number == 1) || last.GetCompleted() != nil {
			t.Fatalf("event %d is %v, after %v", number, event, last)
		}
		text += event.GetTextDelta().GetText()
		last = event
	}
	if text == "" || last.GetCompleted().GetFinishReason() != chatv1.FinishReason_FINISH_REASON_STOP {
		t.Fatalf("got the text %q and the last event %v", text, last)
	}
}

func TestEveryCallTellsItsRequestIDAndReportInTheTrailers(t *testing.T) {
	stub := dialChat(t)
	for name, call := range map[string]func(grpc.CallOption) (*chatv1.CompleteResponse, error){
		"unary": func(option grpc.CallOption) (*chatv1.CompleteResponse, error) {
			return stub.Complete(bounded(t), ask("fast"), option)
		},
		"stream": func(option grpc.CallOption) (*chatv1.CompleteResponse, error) {
			return client.Collect(client.Stream(bounded(t), stub, askStream("fast"), option))
		},
	} {
		t.Run(name, func(t *testing.T) {
			var trailer metadata.MD
			answer, err := call(grpc.Trailer(&trailer))
			if err != nil {
				t.Fatal(err)
			}
			report := client.Report(trailer)
			if client.RequestID(trailer) == "" || report.GetRequestId() != client.RequestID(trailer) {
				t.Errorf("got the request id %q, and %q in the report", client.RequestID(trailer), report.GetRequestId())
			}
			if len(report.GetAttempts()) != 1 || !proto.Equal(report.GetUsage(), answer.GetUsage()) {
				t.Errorf("got the report %v for the answer %v", report, answer)
			}
		})
	}
}

func TestTheCallersRequestIDIsKept(t *testing.T) {
	const id = "go-7f1c0d52"
	var trailer metadata.MD
	ctx := metadata.AppendToOutgoingContext(bounded(t), "x-request-id", id)
	if _, err := dialChat(t).Complete(ctx, ask("fast"), grpc.Trailer(&trailer)); err != nil {
		t.Fatal(err)
	}
	if got := client.RequestID(trailer); got != id {
		t.Fatalf("got the request id %q, want %q", got, id)
	}
}

func TestACallThatIsRepeatedWithItsKeyIsAnsweredByTheKeptAnswer(t *testing.T) {
	request := askStream("fast")
	request.IdempotencyKey = rand.Text()
	var answers [2]*chatv1.CompleteResponse
	var trailers [2]metadata.MD
	for i := range answers {
		var err error
		answers[i], err = client.Collect(client.Stream(bounded(t), dialChat(t), request, grpc.Trailer(&trailers[i])))
		if err != nil {
			t.Fatal(err)
		}
	}
	report := client.Report(trailers[1])
	if report.GetReplayOf() != client.RequestID(trailers[0]) || len(report.GetAttempts()) != 0 {
		t.Errorf("got the report %v, want a replay of %q", report, client.RequestID(trailers[0]))
	}
	if !proto.Equal(answers[0], answers[1]) {
		t.Errorf("got  %v\nwant %v", answers[1], answers[0])
	}
}

func TestAKeyThatWasUsedForAnotherRequestIsRefused(t *testing.T) {
	stub, request := dialChat(t), ask("fast")
	request.IdempotencyKey = rand.Text()
	if _, err := stub.Complete(bounded(t), request); err != nil {
		t.Fatal(err)
	}
	request.Chat.Messages[0] = client.TextMessage(chatv1.Role_ROLE_USER, "And where is Heard Island?")
	_, err := stub.Complete(bounded(t), request)
	if got := client.ReasonOf(err); got != errorsv1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED {
		t.Fatalf("got the reason %v", got)
	}
}

func TestModelsAreListedPageByPage(t *testing.T) {
	stub := routerv1.NewRouterServiceClient(dial(t))
	kinds := map[string]routerv1.ModelKind{}
	request := &routerv1.ListModelsRequest{PageSize: 3}
	for {
		page, err := stub.ListModels(bounded(t), request)
		if err != nil {
			t.Fatal(err)
		}
		for _, model := range page.GetModels() {
			kinds[model.GetName()] = model.GetKind()
		}
		if request.PageToken = page.GetNextPageToken(); request.GetPageToken() == "" {
			break
		}
	}
	if kinds["fast"] != routerv1.ModelKind_MODEL_KIND_CHAT || kinds["embed-small"] != routerv1.ModelKind_MODEL_KIND_EMBED {
		t.Fatalf("got the models %v, want fast and embed-small among them", kinds)
	}
}
