package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
)

// Stream calls StreamComplete and ranges over the events of the answer.
//
//	for event, err := range client.Stream(ctx, stub, request) {
//		if err != nil {
//			return err
//		}
//		fmt.Print(event.GetTextDelta().GetText())
//	}
//
// Each range is a call of its own, with its own cost. Leaving the loop early cancels the call, at the provider too; when
// the loop is left the call has ended here, so that what [grpc.Trailer] and the like point at may be read.
//
// An error comes last, with a nil event: an [*Error] when the call failed, [ErrIncomplete] when the answer was cut,
// [ErrContract] or [ErrRouteChange] when it cannot be trusted. So a loop that ends without an error has seen the whole
// answer. Events of a kind that this version does not know are passed on; their Event is nil.
//
// A [chatv1.RouteChange], which only callers that set RoutePolicy.allow_route_change get, voids the output of the events
// before it. [Fold] and [Collect] know how.
func Stream(ctx context.Context, stub chatv1.ChatServiceClient, request *chatv1.StreamCompleteRequest,
	options ...grpc.CallOption,
) iter.Seq2[*chatv1.StreamCompleteResponse, error] {
	return func(yield func(*chatv1.StreamCompleteResponse, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		stream, err := stub.StreamComplete(ctx, request, options...)
		if err != nil {
			yield(nil, FromError(err, nil))
			return
		}
		var rules chatRules
		ended, err := receive(stream, rules.check, yield)
		if !ended {
			cancel()
			settle(stream)
		}
		if errors.Is(err, io.EOF) {
			err = rules.end()
		}
		if err != nil && !errors.Is(err, errLeft) {
			yield(nil, err)
		}
	}
}

// errLeft says that the loop was left: nothing may be yielded any more.
var errLeft = errors.New("the loop was left")

// receiver is the receiving half of a stream of T.
type receiver[T any] interface {
	Recv() (*T, error)
	Trailer() metadata.MD
}

// receive yields what the stream brings and returns why it ended: io.EOF or an *Error, which the stream ended with, or
// errLeft or a broken rule, after which there may be more.
func receive[T any](stream receiver[T], check func(*T) error, yield func(*T, error) bool) (ended bool, why error) {
	for {
		message, err := stream.Recv()
		if err != nil {
			return true, FromError(err, stream.Trailer())
		}
		if err := check(message); err != nil {
			return false, err
		}
		if !yield(message, nil) {
			return false, errLeft
		}
	}
}

// settle waits until a call that was cancelled is over, which is at once: what was received before is thrown away. Without
// it gRPC would end the call on a goroutine of its own some time later, and write what the call's options point at then.
func settle[T any](stream receiver[T]) {
	for {
		if _, err := stream.Recv(); err != nil {
			return
		}
	}
}

// order is what every stream of the gateway promises: numbers from 1 without gaps, and one closing message, last.
type order struct {
	last   int64
	closed bool
}

func (o *order) check(number int64, closes bool) error {
	if number != o.last+1 {
		return fmt.Errorf("%w: message %d follows message %d", ErrContract, number, o.last)
	}
	if o.closed {
		return fmt.Errorf("%w: message %d follows the closing one", ErrContract, number)
	}
	o.last, o.closed = number, closes
	return nil
}

func (o *order) end() error {
	if !o.closed {
		return ErrIncomplete
	}
	return nil
}

// chatRules are the rules whose breach makes an answer worthless, whoever reads it.
type chatRules struct {
	order
	started bool
}

func (r *chatRules) check(event *chatv1.StreamCompleteResponse) error {
	if err := r.order.check(event.GetSequence(), event.GetCompleted() != nil); err != nil {
		return err
	}
	if event.GetStarted() != nil {
		if r.started {
			return fmt.Errorf("%w: the stream starts again with message %d", ErrContract, event.GetSequence())
		}
		r.started = true
	}
	change := event.GetRouteChange()
	if change != nil && change.GetAction() != chatv1.RouteChangeAction_ROUTE_CHANGE_ACTION_DISCARD_OUTPUT {
		return fmt.Errorf("%w: %v", ErrRouteChange, change.GetAction())
	}
	return nil
}
