package polyglot

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hedgerow.internal/gen/go/client"
	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
)

// recording is a real exchange with a provider, as far as these tests read it.
type recording struct {
	ID       string `json:"id"`
	API      string `json:"api"`
	Kind     string `json:"kind"`
	Response struct {
		Body json.RawMessage `json:"body"`
	} `json:"response"`
}

// chunk is one event of a recorded OpenAI chat stream.
type chunk struct {
	Choices []struct {
		Index int `json:"index"`
		Delta struct {
			Content   string `json:"content"`
			ToolCalls []struct {
				Index    int    `json:"index"`
				ID       string `json:"id"`
				Function struct {
					Name      string `json:"name"`
					Arguments string `json:"arguments"`
				} `json:"function"`
			} `json:"tool_calls"`
		} `json:"delta"`
	} `json:"choices"`
	Usage *struct {
		PromptTokens        int64 `json:"prompt_tokens"`
		CompletionTokens    int64 `json:"completion_tokens"`
		PromptTokensDetails struct {
			CachedTokens int64 `json:"cached_tokens"`
		} `json:"prompt_tokens_details"`
		CompletionTokensDetails struct {
			ReasoningTokens int64 `json:"reasoning_tokens"`
		} `json:"completion_tokens_details"`
	} `json:"usage"`
}

// recordedStreams are the recorded chat streams of OpenAI, as their chunks, by the ids of the recordings.
func recordedStreams(t *testing.T) map[string][]chunk {
	t.Helper()
	folder := os.Getenv("HEDGEROW_TEST_RECORDINGS")
	if folder == "" {
		t.Skip("HEDGEROW_TEST_RECORDINGS is not set: the recordings of real traffic are not here")
	}
	file, err := os.Open(filepath.Join(folder, "openai.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	streams := map[string][]chunk{}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var r recording
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		if r.API == "openai_chat" && r.Kind == "chat_stream" {
			streams[r.ID] = chunks(t, r)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if len(streams) == 0 {
		t.Fatal("the recordings hold no chat stream of OpenAI")
	}
	return streams
}

// chunks takes the recorded body apart in the plainest way: the recordings of OpenAI have one line an event.
func chunks(t *testing.T, r recording) []chunk {
	t.Helper()
	var body string
	if err := json.Unmarshal(r.Response.Body, &body); err != nil {
		t.Fatal(err)
	}
	var list []chunk
	for line := range strings.Lines(body) {
		data, isData := strings.CutPrefix(strings.TrimSpace(line), "data: ")
		if !isData || data == "[DONE]" {
			continue
		}
		var c chunk
		if err := json.Unmarshal([]byte(data), &c); err != nil {
			t.Fatalf("%s: %v in %q", r.ID, err, data)
		}
		list = append(list, c)
	}
	return list
}

// call is a tool call as recorded, or as answered.
type call struct{ id, name, arguments string }

// recorded is the first choice of a recorded stream: its text and its tool calls.
func recorded(list []chunk) (text string, calls []call) {
	for _, c := range list {
		for _, choice := range c.Choices {
			if choice.Index != 0 {
				continue
			}
			text += choice.Delta.Content
			for _, delta := range choice.Delta.ToolCalls {
				for len(calls) <= delta.Index {
					calls = append(calls, call{})
				}
				into := &calls[delta.Index]
				into.id += delta.ID
				into.name += delta.Function.Name
				into.arguments += delta.Function.Arguments
			}
		}
	}
	return text, calls
}

func TestARecordedStreamArrivesAsRecorded(t *testing.T) {
	address(t, "HEDGEROW_TEST_TARGET")
	for id, list := range recordedStreams(t) {
		t.Run(id, func(t *testing.T) {
			var fold client.Fold
			var text strings.Builder
			ends := 0
			for event, err := range client.Stream(bounded(t), dialChat(t), askStream(id)) {
				if err == nil {
					err = fold.Add(event)
				}
				if err != nil {
					t.Fatal(err)
				}
				text.WriteString(event.GetTextDelta().GetText())
				if event.GetCompleted() != nil {
					ends++
				}
			}
			answer, err := fold.Answer()
			if err != nil {
				t.Fatal(err)
			}
			wantText, wantCalls := recorded(list)
			if text.String() != wantText || client.Text(answer.GetMessage()) != wantText {
				t.Errorf("got the text %q, want %q", text.String(), wantText)
			}
			if ends != 1 {
				t.Errorf("got %d Completed events, want 1", ends)
			}
			mustHaveCalls(t, answer, wantCalls)
			mustHaveUsage(t, answer, list)
		})
	}
}

func mustHaveCalls(t *testing.T, answer *chatv1.CompleteResponse, want []call) {
	t.Helper()
	var got []call
	for _, part := range answer.GetMessage().GetContent() {
		if c := part.GetToolCall(); c != nil {
			got = append(got, call{c.GetId(), c.GetName(), c.GetArguments()})
		}
	}
	if len(got) != len(want) {
		t.Fatalf("got the tool calls %q, want %q", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got the tool call %q, want %q", got[i], want[i])
		}
	}
}

func mustHaveUsage(t *testing.T, answer *chatv1.CompleteResponse, list []chunk) {
	t.Helper()
	for _, c := range list {
		if c.Usage == nil {
			continue
		}
		got := answer.GetUsage()
		if got.GetInputTokens() != c.Usage.PromptTokens || got.GetOutputTokens() != c.Usage.CompletionTokens ||
			got.GetInputCacheReadTokens() != c.Usage.PromptTokensDetails.CachedTokens ||
			got.GetOutputReasoningTokens() != c.Usage.CompletionTokensDetails.ReasoningTokens || got.GetEstimated() {
			t.Errorf("got the usage %v, want %+v", got, *c.Usage)
		}
	}
}
