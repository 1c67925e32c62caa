package client

import (
	"cmp"
	"context"
	"errors"
	"io"
	"iter"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	embedv1 "hedgerow.internal/gen/go/hedgerow/embed/v1"
)

// StreamEmbed calls StreamEmbed of the gateway: it sends the items and ranges over the answers, which come in the order
// of the items.
//
//	for answer, err := range client.StreamEmbed(ctx, stub, options, items) {
//		if err != nil {
//			return err
//		}
//		if err := client.ItemError(answer); err != nil {
//			log.Printf("%s: %v", answer.GetId(), err)
//		} else if vector := answer.GetEmbedding(); vector != nil {
//			store(answer.GetId(), vector.GetValues())
//		}
//	}
//
// Items are pulled on a goroutine of its own, and only as fast as the gateway takes them: a slow loop slows them down.
// Each range is a call of its own. Leaving the loop early cancels the call and waits until the goroutine has left the
// sequence, so a sequence that blocks must end when the caller's context does.
//
// An error comes last, with a nil answer: an [*Error] when the call failed, [ErrIncomplete] when answers are missing,
// [ErrContract] when they cannot be trusted. An item that alone has failed is not an error of the call; see [ItemError].
func StreamEmbed(ctx context.Context, stub embedv1.EmbedServiceClient, settings *embedv1.StreamEmbedOptions,
	items iter.Seq[*embedv1.StreamEmbedItem], options ...grpc.CallOption,
) iter.Seq2[*embedv1.StreamEmbedResponse, error] {
	return func(yield func(*embedv1.StreamEmbedResponse, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		stream, err := stub.StreamEmbed(ctx, options...)
		if err != nil {
			yield(nil, FromError(err, nil))
			return
		}
		sender := itemSender{stream: stream}
		var done sync.WaitGroup
		done.Add(1)
		go func() {
			defer done.Done()
			sender.sendAll(settings, items)
		}()
		defer done.Wait()
		defer cancel() // before the wait, so that it ends

		var rules order
		ended, err := receive(stream, func(answer *embedv1.StreamEmbedResponse) error {
			return rules.check(answer.GetSequence(), answer.GetCompleted() != nil)
		}, yield)
		if !ended {
			cancel()
			settle(stream)
		}
		var failed *Error
		if errors.Is(err, io.EOF) {
			err = rules.end()
		} else if errors.As(err, &failed) {
			err = cmp.Or(sender.failure(), err)
		}
		if err != nil && !errors.Is(err, errLeft) {
			yield(nil, err)
		}
	}
}

// ItemError is the error of the one item that an answer of StreamEmbed is about, as an [*Error]; nil where the answer is
// something else.
func ItemError(answer *embedv1.StreamEmbedResponse) error {
	failure := answer.GetItemError()
	if failure == nil {
		return nil
	}
	return FromError(status.FromProto(failure).Err(), nil)
}

// itemSender is the sending half of a StreamEmbed call.
type itemSender struct {
	stream grpc.BidiStreamingClient[embedv1.StreamEmbedRequest, embedv1.StreamEmbedResponse]
	mu     sync.Mutex // held while a message is sent
	err    error
}

func (s *itemSender) sendAll(settings *embedv1.StreamEmbedOptions, items iter.Seq[*embedv1.StreamEmbedItem]) {
	first := &embedv1.StreamEmbedRequest{Message: &embedv1.StreamEmbedRequest_Options{Options: settings}}
	if !s.send(first) {
		return
	}
	for item := range items {
		if !s.send(&embedv1.StreamEmbedRequest{Message: &embedv1.StreamEmbedRequest_Item{Item: item}}) {
			return
		}
	}
	_ = s.stream.CloseSend() // it always succeeds; the receiving half tells how the call ended
}

// send says whether to go on. It blocks while the gateway does not take more.
func (s *itemSender) send(request *embedv1.StreamEmbedRequest) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = s.stream.Send(request)
	return s.err == nil
}

// failure is the error of a message that could not be sent because of itself, such as text that is not UTF-8. Receiving
// then only says that the call was cancelled. io.EOF is the other way round: receiving says more. It must be asked after
// the call has ended, so that nothing waits in send.
func (s *itemSender) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil || errors.Is(s.err, io.EOF) {
		return nil
	}
	return FromError(s.err, nil)
}
