package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// An httpCaller speaks OpenAI's API.
type httpCaller struct {
	client  *http.Client
	address string
	headers []http.Header
	turn    atomic.Uint64
}

func newHTTP(of target) (*httpCaller, error) {
	kept := max(1, of.Connections)
	transport := &http.Transport{MaxIdleConns: kept, MaxIdleConnsPerHost: kept, DisableCompression: true}
	made := &httpCaller{client: &http.Client{Transport: transport}, address: of.Address}
	headers, err := of.headers()
	for _, one := range headers {
		header := http.Header{"Content-Type": []string{"application/json"}}
		for name, value := range one {
			header.Set(name, value)
		}
		made.headers = append(made.headers, header)
	}
	return made, err
}

// An httpCall has its body ready.
type httpCall struct {
	caller *httpCaller
	spec   callSpec
	url    string
	// One for each of the models.
	bodies [][]byte
}

func (c *httpCaller) prepare(spec callSpec) (call, error) {
	made := &httpCall{caller: c, spec: spec, url: c.address + "/v1/chat/completions"}
	asked := map[string]any{}
	switch spec.Kind {
	case "embed":
		made.url = c.address + "/v1/embeddings"
		inputs := make([]string, spec.Inputs)
		for i := range inputs {
			inputs[i] = prompt(spec.PromptBytes)
		}
		asked["input"], asked["encoding_format"] = inputs, spec.Format
	case "stream":
		asked["stream"], asked["stream_options"] = true, map[string]bool{"include_usage": true}
		fallthrough
	default:
		asked["messages"] = []map[string]string{{"role": "user", "content": prompt(spec.PromptBytes)}}
	}
	for _, model := range spec.models() {
		asked["model"] = model
		body, err := json.Marshal(asked)
		if err != nil {
			return nil, err
		}
		made.bodies = append(made.bodies, body)
	}
	return made, nil
}

func (c *httpCall) send(ctx context.Context) (*http.Response, error) {
	turn := c.caller.turn.Add(1)
	body := bytes.NewReader(c.bodies[spread(turn, len(c.bodies))])
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, body)
	if err != nil {
		return nil, err
	}
	request.Header = c.caller.headers[spread(turn, len(c.caller.headers))].Clone()
	answer, err := c.caller.client.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 400))
		_ = answer.Body.Close()
		return nil, fmt.Errorf("status %d: %s", answer.StatusCode, text)
	}
	return answer, nil
}

func (c *httpCall) make(start time.Time) (outcome, error) {
	ctx, cancel := leaving(c.spec)
	defer cancel()
	answer, err := c.send(ctx)
	if err != nil {
		return outcome{}, c.judged(ctx, err)
	}
	defer answer.Body.Close()
	if c.spec.Kind == "stream" {
		return c.stream(ctx, answer.Body, start)
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return outcome{}, c.judged(ctx, err)
	}
	return outcome{messages: 1}, c.check(body)
}

// judged forgives the end that the caller has made himself.
func (c *httpCall) judged(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errLeft) {
		return nil
	}
	return err
}

func (c *httpCall) check(body []byte) error {
	if c.spec.Kind == "embed" {
		if got := bytes.Count(body, []byte(`"embedding":`)) + bytes.Count(body, []byte(`"embedding" :`)); got != c.spec.Inputs {
			return fmt.Errorf("%d vectors for %d inputs", got, c.spec.Inputs)
		}
		return nil
	}
	text, _ := field(body, "content")
	return some(len(text))
}

func (c *httpCall) stream(ctx context.Context, body io.Reader, start time.Time) (outcome, error) {
	reading := reader{start: start}
	lines := bufio.NewReaderSize(body, 1<<14)
	for {
		line, err := lines.ReadSlice('\n')
		readSSE(&reading, line)
		switch {
		case errors.Is(err, io.EOF):
			return reading.end()
		case err != nil:
			return reading.had, c.judged(ctx, err)
		case reading.text > 0 && c.spec.CancelAfterS < 0:
			return reading.had, nil
		}
	}
}

func (c *httpCall) open(ctx context.Context) error {
	answer, err := c.send(ctx)
	if err != nil {
		return err
	}
	reading := reader{start: time.Now()}
	lines := bufio.NewReaderSize(answer.Body, 1<<12)
	for reading.text == 0 {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return err
		}
		readSSE(&reading, line)
	}
	// Closed by the end of the context.
	return nil
}

// readSSE counts the content in a part of a stream: whole lines, and the beginning of one that is kept for the next part.
func readSSE(reading *reader, data []byte) {
	size := 0
	if len(reading.rest) > 0 {
		data = append(reading.rest, data...)
		reading.rest = nil
	}
	for line := range bytes.Lines(data) {
		if line[len(line)-1] != '\n' {
			reading.rest = bytes.Clone(line)
			break
		}
		if !bytes.HasPrefix(line, []byte("data:")) {
			continue
		}
		if text, is := field(line, "content"); is {
			size += len(text)
		}
		if finish, _ := field(line, "finish_reason"); finish == "stop" {
			reading.finished = true
		}
	}
	if size > 0 {
		reading.add(size)
	}
}
