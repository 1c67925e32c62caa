package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync/atomic"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"hedgerow.internal/gen/go/client"
	embedv1 "hedgerow.internal/gen/go/hedgerow/embed/v1"
	errorsv1 "hedgerow.internal/gen/go/hedgerow/errors/v1"
)

var embedOptions = &embedv1.StreamEmbedOptions{Model: "embed-small"}

func embedItem(id, words string) *embedv1.StreamEmbedItem {
	return &embedv1.StreamEmbedItem{Id: id, Input: &embedv1.EmbedInput{Input: &embedv1.EmbedInput_Text{Text: words}}}
}

// items are n items, whose ids are their numbers.
func items(n int) iter.Seq[*embedv1.StreamEmbedItem] {
	return func(yield func(*embedv1.StreamEmbedItem) bool) {
		for i := range n {
			if !yield(embedItem(fmt.Sprint(i), "text")) {
				return
			}
		}
	}
}

func embedAnswer(number int64, id string, value float32) *embedv1.StreamEmbedResponse {
	return &embedv1.StreamEmbedResponse{Sequence: number, Id: id, Result: &embedv1.StreamEmbedResponse_Embedding{
		Embedding: &embedv1.Embedding{Values: []float32{value}},
	}}
}

func embedCompleted(number int64) *embedv1.StreamEmbedResponse {
	return &embedv1.StreamEmbedResponse{Sequence: number, Result: &embedv1.StreamEmbedResponse_Completed{
		Completed: &embedv1.StreamEmbedCompleted{},
	}}
}

// echo answers every item at once, with its number as its vector.
func echo(stream embedStream) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	if first.GetOptions().GetModel() != embedOptions.GetModel() {
		return status.Error(codes.InvalidArgument, "the first message holds no options")
	}
	for number := int64(1); ; number++ {
		request, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return stream.Send(embedCompleted(number))
		}
		if err != nil {
			return err
		}
		if err := stream.Send(embedAnswer(number, request.GetItem().GetId(), float32(number))); err != nil {
			return err
		}
	}
}

func TestStreamEmbedAnswersEachItemInOrder(t *testing.T) {
	const n = 1000
	next := 0
	for answer, err := range client.StreamEmbed(bounded(t), dialEmbed(t, &embedGateway{stream: echo}), embedOptions, items(n)) {
		if err != nil {
			t.Fatal(err)
		}
		if answer.GetEmbedding() == nil {
			continue
		}
		if answer.GetId() != fmt.Sprint(next) {
			t.Fatalf("got the answer of item %s, want that of item %d", answer.GetId(), next)
		}
		next++
	}
	if next != n {
		t.Fatalf("got %d vectors, want %d", next, n)
	}
}

func TestASlowLoopSlowsTheItemsDown(t *testing.T) {
	const n = 200_000
	var pulled atomic.Int64
	counted := func(yield func(*embedv1.StreamEmbedItem) bool) {
		for item := range items(n) {
			pulled.Add(1)
			if !yield(item) {
				return
			}
		}
	}
	seen := 0
	for _, err := range client.StreamEmbed(bounded(t), dialEmbed(t, &embedGateway{stream: echo}), embedOptions, counted) {
		if err != nil {
			t.Fatal(err)
		}
		if seen++; seen == 100 {
			break // nothing was read beyond this; what was pulled fits the windows of the connection
		}
	}
	if got := pulled.Load(); got == n {
		t.Fatalf("all %d items were pulled for %d answers", got, seen)
	}
}

func TestLeavingTheLoopOfStreamEmbedEndsTheItemsFirst(t *testing.T) {
	left := make(chan struct{})
	gateway := &embedGateway{stream: func(stream embedStream) error {
		defer close(left)
		return echo(stream)
	}}
	running := false // the race detector proves that nothing writes it after the loop
	endless := func(yield func(*embedv1.StreamEmbedItem) bool) {
		running = true
		defer func() { running = false }()
		for yield(embedItem("again", "text")) {
		}
	}
	for range client.StreamEmbed(bounded(t), dialEmbed(t, gateway), embedOptions, endless) {
		break
	}
	if running {
		t.Fatal("the items are still pulled after the loop")
	}
	await(t, "the gateway sees the cancel", left)
}

func TestStreamEmbedFailsWhereCompletedIsMissing(t *testing.T) {
	gateway := &embedGateway{stream: func(stream embedStream) error { return stream.Send(embedAnswer(1, "0", 1)) }}
	mustBe(t, lastEmbedError(bounded(t), t, gateway, items(1)), client.ErrIncomplete)
}

func TestStreamEmbedFailsOnAGapWhileTheGatewayDoesNotRead(t *testing.T) {
	gateway := &embedGateway{stream: func(stream embedStream) error {
		if err := stream.Send(embedAnswer(2, "0", 1)); err != nil {
			return err
		}
		<-stream.Context().Done()
		return stream.Context().Err()
	}}
	mustBe(t, lastEmbedError(bounded(t), t, gateway, items(1_000_000)), client.ErrContract)
}

func TestAFailedStreamEmbedIsATypedError(t *testing.T) {
	sent := failure(t, codes.NotFound, "no such model", info("ERROR_REASON_MODEL_NOT_FOUND", nil))
	gateway := &embedGateway{stream: func(embedStream) error { return sent }}
	err := lastEmbedError(bounded(t), t, gateway, items(1_000_000))
	if got := client.ReasonOf(err); got != errorsv1.ErrorReason_ERROR_REASON_MODEL_NOT_FOUND {
		t.Fatalf("got %v, want MODEL_NOT_FOUND", err)
	}
}

func TestAnItemThatCannotBeSentIsTheError(t *testing.T) {
	bad := func(yield func(*embedv1.StreamEmbedItem) bool) {
		_ = yield(embedItem("0", "not UTF-8: \xff"))
	}
	err := lastEmbedError(bounded(t), t, &embedGateway{stream: echo}, bad)
	if typed := mustBeTyped(t, err); typed.Code != codes.Internal {
		t.Fatalf("got %v, want the error of the encoding", err)
	}
}

func TestTheCallersCancelEndsStreamEmbed(t *testing.T) {
	ctx, cancel := context.WithCancel(bounded(t))
	defer cancel()
	waiting := func(yield func(*embedv1.StreamEmbedItem) bool) {
		_ = yield(embedItem("0", "text"))
		cancel()
		<-ctx.Done()
	}
	gateway := &embedGateway{stream: func(stream embedStream) error {
		<-stream.Context().Done()
		return stream.Context().Err()
	}}
	mustBe(t, lastEmbedError(ctx, t, gateway, waiting), context.Canceled)
}

// lastEmbedError is the error with which a range over StreamEmbed ends.
func lastEmbedError(ctx context.Context, t *testing.T, gateway *embedGateway, items iter.Seq[*embedv1.StreamEmbedItem]) error {
	t.Helper()
	var last error
	for _, err := range client.StreamEmbed(ctx, dialEmbed(t, gateway), embedOptions, items) {
		last = err
	}
	return last
}

func TestItemErrorIsTypedAndOnlyForFailedItems(t *testing.T) {
	st, err := status.New(codes.InvalidArgument, "empty").WithDetails(
		info("ERROR_REASON_REQUEST_INVALID", nil),
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "item.input.text"}}})
	if err != nil {
		t.Fatal(err)
	}
	answer := &embedv1.StreamEmbedResponse{Id: "7", Result: &embedv1.StreamEmbedResponse_ItemError{ItemError: st.Proto()}}
	e := mustBeTyped(t, client.ItemError(answer))
	if e.Reason != errorsv1.ErrorReason_ERROR_REASON_REQUEST_INVALID || len(e.FieldViolations) != 1 {
		t.Fatalf("got %+v", e)
	}
	if err := client.ItemError(embedAnswer(1, "0", 1)); err != nil {
		t.Fatalf("got %v for an item with a vector", err)
	}
}
