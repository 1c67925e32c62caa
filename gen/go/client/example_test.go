package client_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"hedgerow.internal/gen/go/client"
	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
	embedv1 "hedgerow.internal/gen/go/hedgerow/embed/v1"
	errorsv1 "hedgerow.internal/gen/go/hedgerow/errors/v1"
)

func ExampleDial() {
	conn, err := client.Dial("dns:///hedgerow.example:50051", client.WithBearerToken(client.StaticToken("my-key")))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	stub := chatv1.NewChatServiceClient(conn)

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	answer, err := stub.Complete(ctx, &chatv1.CompleteRequest{Chat: &chatv1.ChatSpec{
		Model:    "fast",
		Messages: []*chatv1.Message{client.TextMessage(chatv1.Role_ROLE_USER, "Where is Bouvet Island?")},
	}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.Text(answer.GetMessage()))
}

func ExampleStream() {
	stub, end := exampleChat()
	defer end()
	for event, err := range client.Stream(context.Background(), stub, exampleRequest("fast")) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(event.GetTextDelta().GetText())
		if done := event.GetCompleted(); done != nil {
			fmt.Printf("\n%v, %d tokens\n", done.GetFinishReason(), done.GetUsage().GetOutputTokens())
		}
	}
	// Output:
	// In the Southern Ocean.
	// FINISH_REASON_STOP, 5 tokens
}

func ExampleCollect() {
	stub, end := exampleChat()
	defer end()
	request := exampleRequest("fast")
	answer, err := client.Collect(client.Stream(context.Background(), stub, request))
	if err != nil {
		log.Fatal(err)
	}
	request.Chat.Messages = append(request.Chat.Messages, answer.GetMessage()) // and the next question
	fmt.Println(client.Text(answer.GetMessage()))
	// Output: In the Southern Ocean.
}

// Fold shows an answer while it comes, and still has the whole of it in the end.
func ExampleFold() {
	stub, end := exampleChat()
	defer end()
	var fold client.Fold
	for event, err := range client.Stream(context.Background(), stub, exampleRequest("fast")) {
		if err == nil {
			err = fold.Add(event)
		}
		if err != nil {
			log.Fatalf("%v, after %q", err, client.Text(fold.Partial().GetMessage()))
		}
		fmt.Printf("%s|", event.GetTextDelta().GetText())
	}
	answer, err := fold.Answer()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.GetModel())
	// Output: |In the |Southern Ocean.||model-1
}

func ExampleError() {
	stub, end := exampleChat()
	defer end()
	_, err := client.Collect(client.Stream(context.Background(), stub, exampleRequest("fsat")))
	var failed *client.Error
	if errors.As(err, &failed) && failed.Reason == errorsv1.ErrorReason_ERROR_REASON_MODEL_NOT_FOUND {
		fmt.Println(failed.Code, failed.Metadata["model"], failed.Retryable())
	}
	// Output: NotFound fsat false
}

func ExampleStreamEmbed() {
	stub, end := exampleEmbed()
	defer end()
	var items iter.Seq[*embedv1.StreamEmbedItem] = func(yield func(*embedv1.StreamEmbedItem) bool) {
		for i, words := range []string{"hedge", "row"} {
			item := &embedv1.StreamEmbedItem{
				Id:    fmt.Sprint("document-", i),
				Input: &embedv1.EmbedInput{Input: &embedv1.EmbedInput_Text{Text: words}},
			}
			if !yield(item) {
				return
			}
		}
	}
	settings := &embedv1.StreamEmbedOptions{Model: "embed-small"}
	for answer, err := range client.StreamEmbed(context.Background(), stub, settings, items) {
		if err != nil {
			log.Fatal(err)
		}
		if err := client.ItemError(answer); err != nil {
			fmt.Println(answer.GetId(), err)
		} else if vector := answer.GetEmbedding(); vector != nil {
			fmt.Println(answer.GetId(), vector.GetValues())
		}
	}
	// Output:
	// document-0 [1]
	// document-1 [2]
}

func exampleRequest(model string) *chatv1.StreamCompleteRequest {
	question := client.TextMessage(chatv1.Role_ROLE_USER, "Where is Bouvet Island?")
	return &chatv1.StreamCompleteRequest{Chat: &chatv1.ChatSpec{Model: model, Messages: []*chatv1.Message{question}}}
}

// exampleDial is a connection to a gateway in memory that knows the model "fast", and a function that ends both.
func exampleDial() (*grpc.ClientConn, func()) {
	answer := replay(events(started("p", "model-1"), text(0, "In the "), text(0, "Southern Ocean."), completed(stop)), nil)
	unknown, err := status.New(codes.NotFound, "no such model").WithDetails(
		info("ERROR_REASON_MODEL_NOT_FOUND", map[string]string{"model": "fsat"}))
	if err != nil {
		log.Fatal(err)
	}
	chat := &chatGateway{stream: func(
		request *chatv1.StreamCompleteRequest, stream grpc.ServerStreamingServer[chatv1.StreamCompleteResponse],
	) error {
		if request.GetChat().GetModel() != "fast" {
			return unknown.Err()
		}
		return answer.stream(request, stream)
	}}
	reach, stopServing := serve(func(s *grpc.Server) {
		chatv1.RegisterChatServiceServer(s, chat)
		embedv1.RegisterEmbedServiceServer(s, &embedGateway{stream: echo})
	})
	conn, err := client.Dial(memoryTarget, client.WithPlaintext(), client.WithDialOptions(reach))
	if err != nil {
		log.Fatal(err)
	}
	return conn, func() {
		if err := conn.Close(); err != nil {
			log.Fatal(err)
		}
		stopServing()
	}
}

func exampleChat() (chatv1.ChatServiceClient, func()) {
	conn, end := exampleDial()
	return chatv1.NewChatServiceClient(conn), end
}

func exampleEmbed() (embedv1.EmbedServiceClient, func()) {
	conn, end := exampleDial()
	return embedv1.NewEmbedServiceClient(conn), end
}
