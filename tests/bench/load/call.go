package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// A target is where calls go.
type target struct {
	// grpc: Hedgerow's contract; openai: JSON over HTTP/1.1; echo: the bare gRPC servers beside the gateways.
	Kind    string `json:"kind"`
	Address string `json:"address"`
	// The caller's key, "" for none.
	Token string `json:"token"`
	// A file with a key in each line, which are used in turn, instead of Token.
	TokensFile string `json:"tokens_file"`
	// More headers, as NAME: VALUE lines.
	Headers string `json:"headers"`
	// Connections over which calls are spread; of openai the most that are kept.
	Connections int `json:"connections"`
	// Over gRPC: calls that are refused as UNAVAILABLE are made again when the gateway says (gRFC A6), four times at most.
	Retry bool `json:"retry"`
}

// A callSpec is what a call asks for.
type callSpec struct {
	// unary, stream or embed.
	Kind  string `json:"kind"`
	Model string `json:"model"`
	// Ask for MODEL-000000 and so on up to one less than this, at most a thousand of them, in turn; 0 asks for MODEL itself.
	Models int `json:"models"`
	// Length of the prompt; of embed, that of each input.
	PromptBytes int `json:"prompt_bytes"`
	// Of embed: how many inputs, and float or base64. Over gRPC the gateway chooses the form.
	Inputs int    `json:"inputs"`
	Format string `json:"format"`
	// The caller goes after so many seconds, or, of a stream, once the first content is there (-1); 0 waits for the end. A call
	// that ends because of that counts as one that went well.
	CancelAfterS float64 `json:"cancel_after_s"`
}

// An outcome is what a call that went well has brought.
type outcome struct {
	pieces   int64
	messages int
	first    time.Duration
	gaps     []float64
}

// A caller has the connections to a target.
type caller interface {
	prepare(spec callSpec) (call, error)
}

// A call is one kind of call with its request ready, made again and again.
type call interface {
	// make makes it and reads all that comes. Times count from start.
	make(start time.Time) (outcome, error)
	// open begins a stream and returns with the first content; the context ends it.
	open(ctx context.Context) error
}

var (
	errEmpty = errors.New("no content")
	errShort = errors.New("a stream without all of its content")
	errEnd   = errors.New("a stream without a finish reason")
)

func newCaller(of target) (caller, error) {
	switch of.Kind {
	case "grpc", "echo":
		return newGRPC(of)
	case "openai":
		return newHTTP(of)
	}
	return nil, fmt.Errorf("no kind of target: %q", of.Kind)
}

// headers are those of each of the callers that take turns.
func (t target) headers() ([]map[string]string, error) {
	tokens := []string{t.Token}
	if t.TokensFile != "" {
		text, err := os.ReadFile(t.TokensFile)
		if err != nil {
			return nil, err
		}
		tokens = strings.Fields(string(text))
	}
	found := make([]map[string]string, len(tokens))
	for i, token := range tokens {
		found[i] = map[string]string{}
		if token != "" {
			found[i]["authorization"] = "Bearer " + token
		}
		for line := range strings.Lines(t.Headers) {
			if name, value, is := strings.Cut(strings.TrimSpace(line), ": "); is {
				found[i][name] = value
			}
		}
	}
	return found, nil
}

// spread picks one of so many in turn, neighbours of one call far apart.
func spread(turn uint64, count int) int { return int(turn * 7919 % uint64(count)) }

func (s callSpec) models() []string {
	if s.Models == 0 {
		return []string{s.Model}
	}
	found := make([]string, min(s.Models, 1000))
	for i := range found {
		found[i] = fmt.Sprintf("%s-%06d", s.Model, i*(s.Models/len(found)))
	}
	return found
}

func prompt(size int) string {
	const words = "Say something about hedges. "
	return strings.Repeat(words, size/len(words)+1)[:size]
}

// leaving is the context of a call, and whether its end is the caller's own doing.
func leaving(spec callSpec) (context.Context, context.CancelFunc) {
	if spec.CancelAfterS > 0 {
		return context.WithTimeoutCause(
			context.Background(), time.Duration(spec.CancelAfterS*1e9), errLeft)
	}
	return context.WithTimeout(context.Background(), time.Minute)
}

var errLeft = errors.New("the caller has left")

// A reader follows the pieces of a stream.
type reader struct {
	start, last time.Time
	had         outcome
	text        int
	finished    bool
	rest        []byte
}

func (r *reader) add(text int) {
	now := time.Now()
	if r.text == 0 {
		r.had.first = now.Sub(r.start)
	} else {
		r.had.gaps = append(r.had.gaps, now.Sub(r.last).Seconds())
	}
	r.last = now
	r.text += text
	r.had.messages++
}

func (r *reader) end() (outcome, error) {
	switch {
	case r.text != streamPieces*len(piece):
		return r.had, fmt.Errorf("%w: %d of %d bytes", errShort, r.text, streamPieces*len(piece))
	case !r.finished:
		return r.had, errEnd
	}
	r.had.pieces = streamPieces
	return r.had, nil
}
