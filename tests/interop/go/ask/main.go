// Ask makes calls with the Go client of Hedgerow and tells how each of them ended.
//
// Usage:
//
//	ask SCENARIO…
//
// A scenario is NAME,HOST:PORT,SHAPE,ROUNDS, where SHAPE is unary or stream, and ROUNDS are numbers of calls, separated by
// "+": those of a round go at the same time, and the next round begins when all of them have ended. Each scenario has a
// connection of its own. For every call a line is written: the name, a tab, its code, a tab, and the bytes of its text.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/status"

	"hedgerow.internal/gen/go/client"
	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
)

func main() {
	for _, scenario := range os.Args[1:] {
		if err := run(strings.Split(scenario, ",")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func run(scenario []string) error {
	conn, err := client.Dial(scenario[1], client.WithPlaintext())
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	ask := unary
	if scenario[2] == "stream" {
		ask = stream
	}
	for _, round := range strings.Split(scenario[3], "+") {
		calls, err := strconv.Atoi(round)
		if err != nil {
			return err
		}
		var all sync.WaitGroup
		for range calls {
			all.Go(func() {
				size, err := ask(ctx, chatv1.NewChatServiceClient(conn))
				fmt.Printf("%s\t%s\t%d\n", scenario[0], status.Code(err), size)
			})
		}
		all.Wait()
	}
	return nil
}

func spec() *chatv1.ChatSpec {
	text := strings.Repeat("0", 271828)
	return &chatv1.ChatSpec{Model: "fast", Messages: []*chatv1.Message{client.TextMessage(chatv1.Role_ROLE_USER, text)}}
}

func unary(ctx context.Context, chat chatv1.ChatServiceClient) (int, error) {
	answer, err := chat.Complete(ctx, &chatv1.CompleteRequest{Chat: spec()})
	return len(client.Text(answer.GetMessage())), err
}

func stream(ctx context.Context, chat chatv1.ChatServiceClient) (int, error) {
	size := 0
	for event, err := range client.Stream(ctx, chat, &chatv1.StreamCompleteRequest{Chat: spec()}) {
		if err != nil {
			return size, err
		}
		size += len(event.GetTextDelta().GetText())
	}
	return size, nil
}
