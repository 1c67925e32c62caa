package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// Pieces of content in a stream, and what each of them says.
	streamPieces = 64
	piece        = "hedges "
	pace         = 20 * time.Millisecond
	dimensions   = 1536
	// Gateways may keep a piece until the next one is there.
	heldPieces = 4
)

// A mock answers as OpenAI's API does. What it does is in the model's name:
//
//	bench-unary       an answer of 1 KB at once; streamed as bench-burst
//	bench-delay-MS    the same after so many milliseconds
//	bench-burst       a stream of 64 pieces as fast as they can be written, each in a write of its own
//	bench-paced       a stream of 64 pieces, one every 20 ms, the first at once
//	bench-hold        a stream of four pieces that stays open until the caller goes or holds are released
//	bench-silent      no answer until the caller goes
//	bench-429, -500   a failure; bench-cut, a stream that ends in the middle; bench-reset, a connection reset
//	bench-stall       headers and one piece, then nothing for two seconds, then the rest
//	bench-embed       vectors of 1,536 dimensions, as floats or in base64, as asked; bench-embed-floats, floats in any case
type mock struct {
	address string
	book    book
	release atomic.Pointer[chan struct{}]
	unary   []byte
	pieces  [][]byte
	vectors sync.Map // of form and count to a whole answer
}

// A book counts what the mock was asked and did.
type book struct{ asked, answered, pieces, failed, gone atomic.Int64 }

// A bookReading is what a book says at one time.
type bookReading struct {
	Asked    int64 `json:"asked"`
	Answered int64 `json:"answered"` // whole answers, whose last byte was written
	Pieces   int64 `json:"pieces"`   // of streams, with the frames around the content
	Failed   int64 `json:"failed"`   // on purpose
	Gone     int64 `json:"gone"`     // the caller went first
}

func (b *book) read() *bookReading {
	return &bookReading{b.asked.Load(), b.answered.Load(), b.pieces.Load(), b.failed.Load(), b.gone.Load()}
}

func (b *bookReading) since(before *bookReading) *bookReading {
	return &bookReading{
		b.Asked - before.Asked, b.Answered - before.Answered, b.Pieces - before.Pieces,
		b.Failed - before.Failed, b.Gone - before.Gone,
	}
}

func startMock() (*mock, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	made := &mock{address: "http://" + listener.Addr().String()}
	made.renew()
	made.unary = unaryAnswer()
	made.pieces = streamFrames()
	routes := http.NewServeMux()
	routes.HandleFunc("/v1/chat/completions", made.chat)
	routes.HandleFunc("/v1/embeddings", made.embed)
	go func() { _ = (&http.Server{Handler: routes}).Serve(listener) }()
	return made, nil
}

// renew lets go of all streams that are held.
func (m *mock) renew() {
	fresh := make(chan struct{})
	if held := m.release.Swap(&fresh); held != nil {
		close(*held)
	}
}

func unaryAnswer() []byte {
	text := strings.Repeat("Something about hedges that is said. ", 27)
	return fmt.Appendf(nil, `{"id":"chatcmpl-bench","object":"chat.completion","created":1764000000,"model":"bench-model",`+
		`"choices":[{"index":0,"message":{"role":"assistant","content":%q,"refusal":null},"logprobs":null,`+
		`"finish_reason":"stop"}],"usage":{"prompt_tokens":250,"completion_tokens":250,"total_tokens":500}}`, text)
}

func streamFrames() [][]byte {
	frame := func(delta, finish, more string) []byte {
		return fmt.Appendf(nil, `data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1764000000,`+
			`"model":"bench-model","system_fingerprint":"fp_bench","choices":[%s]%s}`+"\n\n",
			map[bool]string{true: `{"index":0,"delta":` + delta + `,"logprobs":null,"finish_reason":` + finish + `}`}[delta != ""], more)
	}
	frames := [][]byte{frame(`{"role":"assistant","content":""}`, "null", "")}
	for range streamPieces {
		frames = append(frames, frame(`{"content":"`+piece+`"}`, "null", ""))
	}
	usage := `,"usage":{"prompt_tokens":250,"completion_tokens":64,"total_tokens":314}`
	return append(frames, frame("{}", `"stop"`, ""), frame("", "", usage), []byte("data: [DONE]\n\n"))
}

// field finds the value of a key without parsing a body of which all but the prompt is ours, and says whether it is a string.
// Gateways may have put spaces into it.
func field(body []byte, key string) (string, bool) {
	at := bytes.Index(body, []byte(`"`+key+`"`))
	if at < 0 {
		return "", false
	}
	rest := bytes.TrimLeft(body[at+len(key)+2:], " :")
	if len(rest) > 0 && rest[0] == '"' {
		rest = rest[1:]
		return string(rest[:max(0, bytes.IndexByte(rest, '"'))]), true
	}
	return string(rest[:max(0, bytes.IndexAny(rest, ",} "))]), false
}

func (m *mock) chat(w http.ResponseWriter, r *http.Request) {
	m.book.asked.Add(1)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		m.book.gone.Add(1)
		return
	}
	model, _ := field(body, "model")
	switch {
	case model == "bench-429":
		w.Header().Set("retry-after", "1")
		m.fail(w, http.StatusTooManyRequests, "rate_limit_exceeded")
		return
	case model == "bench-500":
		m.fail(w, http.StatusInternalServerError, "server_error")
		return
	case model == "bench-reset":
		m.book.failed.Add(1)
		reset(w)
		return
	case model == "bench-silent":
		<-r.Context().Done()
		m.book.gone.Add(1)
		return
	case strings.HasPrefix(model, "bench-delay-"):
		milliseconds, _ := strconv.Atoi(strings.TrimPrefix(model, "bench-delay-"))
		if !waited(r.Context(), time.Duration(milliseconds)*time.Millisecond) {
			m.book.gone.Add(1)
			return
		}
	}
	if streamed, _ := field(body, "stream"); streamed == "true" {
		m.stream(w, r, model)
		return
	}
	w.Header().Set("content-type", "application/json")
	w.Header().Set("content-length", strconv.Itoa(len(m.unary)))
	m.written(w.Write(m.unary))
}

func (m *mock) stream(w http.ResponseWriter, r *http.Request, model string) {
	w.Header().Set("content-type", "text/event-stream; charset=utf-8")
	flusher := http.NewResponseController(w)
	held := *m.release.Load()
	next := time.Now()
	for number, frame := range m.pieces {
		if _, err := w.Write(frame); err != nil || flusher.Flush() != nil {
			m.book.gone.Add(1)
			return
		}
		m.book.pieces.Add(1)
		if number == 0 || number > streamPieces {
			continue
		}
		next = next.Add(pace)
		if !m.between(r, model, number, next, held) {
			return
		}
	}
	m.book.answered.Add(1)
}

// between waits, or fails, after a piece of content.
func (m *mock) between(r *http.Request, model string, number int, next time.Time, held chan struct{}) bool {
	going := true
	switch {
	case model == "bench-paced" && number < streamPieces:
		going = waited(r.Context(), time.Until(next))
	case model == "bench-stall" && number == 1:
		going = waited(r.Context(), 2*time.Second)
	case model == "bench-hold" && number == heldPieces:
		select {
		case <-held:
		case <-r.Context().Done():
			going = false
		}
	case model == "bench-cut" && number == streamPieces/2:
		m.book.failed.Add(1)
		panic(http.ErrAbortHandler)
	}
	if !going {
		m.book.gone.Add(1)
	}
	return going
}

func waited(ctx context.Context, span time.Duration) bool {
	if span <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(span)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (m *mock) written(_ int, err error) {
	if err != nil {
		m.book.gone.Add(1)
		return
	}
	m.book.answered.Add(1)
}

func (m *mock) fail(w http.ResponseWriter, status int, kind string) {
	m.book.failed.Add(1)
	w.Header().Set("content-type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"error":{"message":"on purpose","type":%q,"param":null,"code":%q}}`, kind, kind)
}

// reset makes the kernel answer with RST.
func reset(w http.ResponseWriter) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = connection.Close()
}

func (m *mock) embed(w http.ResponseWriter, r *http.Request) {
	m.book.asked.Add(1)
	var asked struct {
		Model  string            `json:"model"`
		Input  []json.RawMessage `json:"input"`
		Format string            `json:"encoding_format"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		m.fail(w, http.StatusBadRequest, "invalid_request_error")
		return
	}
	packed := asked.Format == "base64" && asked.Model != "bench-embed-floats"
	key := fmt.Sprint(packed, len(asked.Input))
	answer, there := m.vectors.Load(key)
	if !there {
		answer, _ = m.vectors.LoadOrStore(key, embedAnswer(len(asked.Input), packed))
	}
	document, _ := answer.([]byte)
	w.Header().Set("content-type", "application/json")
	w.Header().Set("content-length", strconv.Itoa(len(document)))
	m.written(w.Write(document))
}

func embedAnswer(count int, packed bool) []byte {
	var vector []byte
	floats, raw := make([]string, dimensions), make([]byte, 0, 4*dimensions)
	for i := range dimensions {
		value := float32(i%97)/1000 - 0.04837215
		floats[i] = strconv.FormatFloat(float64(value), 'g', -1, 32)
		bits, _ := binary.Append(nil, binary.LittleEndian, value)
		raw = append(raw, bits...)
	}
	if packed {
		vector = fmt.Appendf(nil, "%q", base64.StdEncoding.EncodeToString(raw))
	} else {
		vector = []byte("[" + strings.Join(floats, ",") + "]")
	}
	rows := make([][]byte, count)
	for i := range rows {
		rows[i] = fmt.Appendf(nil, `{"object":"embedding","index":%d,"embedding":%s}`, i, vector)
	}
	tail := fmt.Sprintf(`],"model":"bench-embed","usage":{"prompt_tokens":%d,"total_tokens":%d}}`, 8*count, 8*count)
	return append(append([]byte(`{"object":"list","data":[`), bytes.Join(rows, []byte(","))...), tail...)
}
