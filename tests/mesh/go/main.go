// Command load makes unary calls with the Go client of Hedgerow until its standard input ends.
//
// Usage:
//
//	load TARGETS MODELS WORKERS TRY-SECONDS AGAIN-SECONDS
//
// TARGETS and MODELS are lists with commas. A single target is a proxy, which looks after the health of what is behind it. Each worker asks one of the models, and the targets in turn. A call that
// fails is repeated once, at the next target and with the same idempotency key; nothing else repeats it. Lines tell how
// it goes, with tabs between their words: "try CALL TRACE", and "ok CALL TRIES TARGET" or "failed CALL TEXT".
package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"hedgerow.internal/gen/go/client"
	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
)

const (
	pause      = 50 * time.Millisecond // between calls of a worker
	beforeNext = time.Second           // before a call is repeated
)

type load struct {
	targets  []*grpc.ClientConn
	patience [2]time.Duration // of the first try and of the second one
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 6 {
		log.Fatal("usage: load TARGETS MODELS WORKERS TRY-SECONDS AGAIN-SECONDS")
	}
	var l load
	targets := strings.Split(os.Args[1], ",")
	options := []client.Option{client.WithPlaintext(), client.WithDialOptions(grpc.WithDisableRetry())}
	if len(targets) == 1 {
		options = append(options, client.WithoutHealthCheck())
	}
	for _, target := range targets {
		conn, err := client.Dial(target, options...)
		if err != nil {
			log.Fatal(err)
		}
		defer conn.Close()
		l.targets = append(l.targets, conn)
	}
	models := strings.Split(os.Args[2], ",")
	workers := number(os.Args[3])
	l.patience = [2]time.Duration{
		time.Duration(number(os.Args[4])) * time.Second,
		time.Duration(number(os.Args[5])) * time.Second,
	}
	stopped := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(stopped)
	}()
	var all sync.WaitGroup
	for worker := range workers {
		all.Go(func() { l.work(worker, models[worker%len(models)], stopped) })
	}
	all.Wait()
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func (l *load) work(worker int, model string, stopped <-chan struct{}) {
	for turn := worker; ; turn++ {
		select {
		case <-stopped:
			return
		case <-time.After(pause):
			l.call(fmt.Sprintf("%d-%d", worker, turn), model, turn)
		}
	}
}

func (l *load) call(name, model string, turn int) {
	request := &chatv1.CompleteRequest{
		IdempotencyKey: random(16),
		Chat: &chatv1.ChatSpec{
			Model:    model,
			Messages: []*chatv1.Message{client.TextMessage(chatv1.Role_ROLE_USER, "hi")},
		},
	}
	var told []string
	for try, patience := range l.patience {
		if try > 0 {
			time.Sleep(beforeNext)
		}
		target := (turn + try) % len(l.targets)
		trace := "00-" + random(16) + "-" + random(8) + "-01"
		fmt.Printf("try\t%s\t%s\n", name, trace)
		if err := l.try(target, request, trace, patience); err != nil {
			told = append(told, fmt.Sprintf("%d: %v", target, err))
			continue
		}
		fmt.Printf("ok\t%s\t%d\t%d\n", name, try+1, target)
		return
	}
	fmt.Printf("failed\t%s\t%s\n", name, strings.ReplaceAll(strings.Join(told, " | "), "\n", " "))
}

func (l *load) try(target int, request *chatv1.CompleteRequest, trace string, patience time.Duration) error {
	ctx := metadata.AppendToOutgoingContext(context.Background(), "traceparent", trace, "x-request-id", trace)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn := l.targets[target]
	conn.ResetConnectBackoff()
	_, err := chatv1.NewChatServiceClient(conn).Complete(ctx, request)
	return err
}

func random(bytes int) string {
	made := make([]byte, bytes)
	_, _ = rand.Read(made) // never fails
	return hex.EncodeToString(made)
}
