package hedgerowtest_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"hedgerow.internal/gen/go/client"
	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
	"hedgerow.internal/gen/go/hedgerowtest"
)

// guide is what a test is about: code that asks a gateway.
func guide(ctx context.Context, stub chatv1.ChatServiceClient, place string) (string, error) {
	answer, err := stub.Complete(ctx, &chatv1.CompleteRequest{Chat: &chatv1.ChatSpec{
		Model:    "fast",
		Messages: []*chatv1.Message{client.TextMessage(chatv1.Role_ROLE_USER, "Where is "+place+"?")},
	}})
	return client.Text(answer.GetMessage()), err
}

// Example shows a gateway that is overloaded at first. In a test the server is that of NewServer(t), which closes itself.
func Example() {
	server, err := hedgerowtest.Start()
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	server.Script(
		hedgerowtest.Unavailable(time.Millisecond),
		hedgerowtest.Answer{Text: "In the Southern Ocean."},
	)
	words, err := guide(context.Background(), server.Chat(), "Bouvet Island")
	fmt.Println(words, err)
	for _, request := range server.Requests() {
		fmt.Println(request.Method, request.Text(), request.Code)
	}
	// Output:
	// In the Southern Ocean. <nil>
	// Complete Where is Bouvet Island? Unavailable
	// Complete Where is Bouvet Island? OK
}

func ExampleFault() {
	server, err := hedgerowtest.Start()
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	server.Script(hedgerowtest.LimitReached(client.Limit{
		Name: "per-user", Unit: "requests", Window: "minute", Most: "60 requests", Used: "60 requests", Needed: "1 requests",
	}, 20*time.Second))
	_, err = guide(context.Background(), server.Chat(), "Bouvet Island")
	fmt.Println(err)
	// Output: hedgerow: ResourceExhausted: ERROR_REASON_QUOTA_EXCEEDED: quota exceeded (request request-1)
}

func ExampleReadRecording() {
	server, err := hedgerowtest.Start()
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	recording, err := hedgerowtest.ReadRecording("testdata/island.json")
	if err != nil {
		log.Fatal(err)
	}
	server.Script(recording)
	words, err := guide(context.Background(), server.Chat(), "Bouvet Island")
	fmt.Println(words, err)
	// Output: In the Southern Ocean. <nil>
}
