package client_test

import (
	"context"
	"io"
	"runtime"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"hedgerow.internal/gen/go/client"
	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
)

// read ranges over a whole stream: its events, and the error that came last.
func read(ctx context.Context, stub chatv1.ChatServiceClient) (got []*chatv1.StreamCompleteResponse, last error) {
	for event, err := range client.Stream(ctx, stub, &chatv1.StreamCompleteRequest{}) {
		if err != nil {
			last = err
		} else {
			got = append(got, event)
		}
	}
	return got, last
}

// endless is a gateway that sends text until the caller leaves, and then closes left.
func endless(left chan<- struct{}) *chatGateway {
	return &chatGateway{stream: func(_ *chatv1.StreamCompleteRequest,
		stream grpc.ServerStreamingServer[chatv1.StreamCompleteResponse],
	) error {
		defer close(left)
		for number := int64(1); ; number++ {
			event := text(0, "on and on ")
			event.Sequence = number
			if err := stream.Send(event); err != nil {
				return err
			}
		}
	}}
}

func TestStreamYieldsEveryEventInOrder(t *testing.T) {
	sent := events(started("p", "m"), text(0, "a"), &chatv1.StreamCompleteResponse{}, text(0, "b"), completed(stop))
	got, err := read(bounded(t), dialChat(t, replay(sent, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(sent) {
		t.Fatalf("got %d events, want %d", len(got), len(sent))
	}
	for i := range sent {
		mustEqual(t, got[i], sent[i])
	}
}

func TestStreamFailsWhereCompletedIsMissing(t *testing.T) {
	got, err := read(bounded(t), dialChat(t, replay(events(started("p", "m"), text(0, "a")), nil)))
	mustBe(t, err, client.ErrIncomplete)
	if len(got) != 2 {
		t.Fatalf("got %d events before the error, want 2", len(got))
	}
}

func TestStreamFailsOnAGapBeforeYieldingWhatFollowsIt(t *testing.T) {
	sent := events(started("p", "m"), text(0, "a"), text(0, "c"), completed(stop))
	sent[2].Sequence = 4
	got, err := read(bounded(t), dialChat(t, replay(sent, nil)))
	mustBe(t, err, client.ErrContract)
	if len(got) != 2 {
		t.Fatalf("got %d events before the error, want 2", len(got))
	}
}

func TestStreamFailsOnAnUnknownRouteChange(t *testing.T) {
	_, err := read(bounded(t), dialChat(t, replay(events(started("p", "m"), routeChange(goOn), completed(stop)), nil)))
	mustBe(t, err, client.ErrRouteChange)
}

func TestAFailureAfterSomeTextIsTheLastThingYielded(t *testing.T) {
	cut := status.Error(codes.Unavailable, "cut")
	got, err := read(bounded(t), dialChat(t, replay(events(started("p", "m"), text(0, "a")), cut)))
	if typed := mustBeTyped(t, err); typed.Code != codes.Unavailable {
		t.Fatalf("got %v, want UNAVAILABLE", typed)
	}
	if len(got) != 2 {
		t.Fatalf("got %d events before the error, want 2", len(got))
	}
}

func TestAFailureAfterCompletedIsAFailure(t *testing.T) {
	late := status.Error(codes.Unavailable, "the ledger is away")
	_, err := client.Collect(client.Stream(bounded(t),
		dialChat(t, replay(events(started("p", "m"), completed(stop)), late)), &chatv1.StreamCompleteRequest{}))
	if typed := mustBeTyped(t, err); typed.Code != codes.Unavailable {
		t.Fatalf("got %v, want UNAVAILABLE", typed)
	}
}

func TestLeavingTheLoopCancelsTheCall(t *testing.T) {
	left := make(chan struct{})
	for range client.Stream(bounded(t), dialChat(t, endless(left)), &chatv1.StreamCompleteRequest{}) {
		break
	}
	await(t, "the gateway sees the cancel", left)
}

// TestTheTrailersOfALeftCallMayBeReadAtOnce is for the race detector: gRPC writes them when the call ends.
func TestTheTrailersOfALeftCallMayBeReadAtOnce(t *testing.T) {
	stub := dialChat(t, endless(make(chan struct{})))
	var trailer metadata.MD
	for range client.Stream(bounded(t), stub, &chatv1.StreamCompleteRequest{}, grpc.Trailer(&trailer)) {
		break
	}
	if got := client.RequestID(trailer); got != "" {
		t.Fatalf("got the request id %q of a call that has not ended at the gateway", got)
	}
}

func TestABrokenContractEndsTheCallToo(t *testing.T) {
	left := make(chan struct{})
	stub := dialChat(t, &chatGateway{stream: func(_ *chatv1.StreamCompleteRequest,
		stream grpc.ServerStreamingServer[chatv1.StreamCompleteResponse],
	) error {
		defer close(left)
		for stream.Send(text(0, "without a number")) == nil {
		}
		return nil
	}})
	_, err := read(bounded(t), stub)
	mustBe(t, err, client.ErrContract)
	await(t, "the gateway sees the cancel", left)
}

func TestALoopThatPanicsCancelsTheCall(t *testing.T) {
	left := make(chan struct{})
	stub := dialChat(t, endless(left))
	func() {
		defer func() { _ = recover() }()
		for range client.Stream(bounded(t), stub, &chatv1.StreamCompleteRequest{}) {
			panic("in the loop")
		}
	}()
	await(t, "the gateway sees the cancel", left)
}

func TestLeftLoopsLeakNoGoroutines(t *testing.T) {
	whole := dialChat(t, replay(events(started("p", "m"), text(0, "a"), completed(stop)), nil))
	leave := func() {
		for range client.Stream(bounded(t), whole, &chatv1.StreamCompleteRequest{}) {
			break
		}
	}
	leave() // opens the connection
	before := runtime.NumGoroutine()
	for range 50 {
		leave()
	}
	deadline := time.Now().Add(patience)
	for runtime.NumGoroutine() > before+5 {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines before 50 calls, %d after", before, runtime.NumGoroutine())
		}
		time.Sleep(time.Millisecond)
	}
}

func TestTheCallersCancelEndsTheLoopWithItsError(t *testing.T) {
	ctx, cancel := context.WithCancel(bounded(t))
	defer cancel()
	var last error
	for _, err := range client.Stream(ctx, dialChat(t, endless(make(chan struct{}))), &chatv1.StreamCompleteRequest{}) {
		cancel()
		last = err
	}
	mustBe(t, last, context.Canceled)
}

func TestEachRangeIsACallOfItsOwn(t *testing.T) {
	calls := 0
	whole := replay(events(started("p", "m"), completed(stop)), nil).stream
	stream := client.Stream(bounded(t), dialChat(t, &chatGateway{stream: func(
		request *chatv1.StreamCompleteRequest, stream grpc.ServerStreamingServer[chatv1.StreamCompleteResponse],
	) error {
		calls++
		return whole(request, stream)
	}}), &chatv1.StreamCompleteRequest{})
	for want := 1; want <= 2; want++ {
		if _, err := client.Collect(stream); err != nil {
			t.Fatal(err)
		}
		if calls != want {
			t.Fatalf("got %d calls after %d ranges", calls, want)
		}
	}
}

func TestStreamTakesCallOptionsSuchAsTrailer(t *testing.T) {
	whole := replay(events(started("p", "m"), completed(stop)), nil).stream
	stub := dialChat(t, &chatGateway{stream: func(
		request *chatv1.StreamCompleteRequest, stream grpc.ServerStreamingServer[chatv1.StreamCompleteResponse],
	) error {
		stream.SetTrailer(metadata.Pairs("x-request-id", "r-1"))
		return whole(request, stream)
	}})
	var trailer metadata.MD
	if _, err := client.Collect(client.Stream(bounded(t), stub, &chatv1.StreamCompleteRequest{}, grpc.Trailer(&trailer))); err != nil {
		t.Fatal(err)
	}
	if got := client.RequestID(trailer); got != "r-1" {
		t.Fatalf("got the request id %q, want r-1", got)
	}
}

func TestStubsOfDialStillEndStreamsWithPlainEOF(t *testing.T) {
	stream, err := dialChat(t, replay(nil, nil)).StreamComplete(bounded(t), &chatv1.StreamCompleteRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != io.EOF { //nolint:errorlint // callers compare with == here
		t.Fatalf("got %v, want io.EOF itself", err)
	}
}

func TestStreamTypesErrorsOfConnectionsThatDialDidNotMake(t *testing.T) {
	conn := dialPlainly(t, func(s *grpc.Server) {
		chatv1.RegisterChatServiceServer(s, replay(nil, status.Error(codes.NotFound, "no such model")))
	})
	_, err := read(bounded(t), chatv1.NewChatServiceClient(conn))
	if typed := mustBeTyped(t, err); typed.Code != codes.NotFound {
		t.Fatalf("got %v, want NOT_FOUND", err)
	}
}
