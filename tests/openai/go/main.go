// The openai-go module as a user of the gateway. It runs every check and prints one JSON object: the name of each and
// what went wrong, null where nothing did. Base URL and key come from the variables that the module reads by itself.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/ssestream"
	"github.com/openai/openai-go/v3/shared"
)

const (
	closedWithin = 250 * time.Millisecond
	patience     = 15 * time.Second
)

var checks = []struct {
	name string
	run  func(context.Context, *user) error
}{
	{"chat", chat},
	{"stream", stream},
	{"parallel_tools", parallelTools},
	{"json_schema", jsonSchema},
	{"embeddings", embeddings},
	{"images", images},
	{"models", models},
	{"reasoning", reasoning},
	{"errors", apiErrors},
	{"cut_stream", cutStream},
	{"cancelled_stream", cancelledStream},
	{"route_and_labels", routeAndLabels},
	{"retry_after", retryAfter},
}

// user is who calls: a client, and what else the program was given.
type user struct {
	openai.Client
	simulator, narrow, limited string
}

func main() {
	var given struct{ Simulator, Narrow, Limited string }
	if err := json.Unmarshal([]byte(os.Getenv("HEDGEROW_SHOWN")), &given); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	who := &user{openai.NewClient(), given.Simulator, given.Narrow, given.Limited}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	wrong := make([]error, len(checks))
	var group sync.WaitGroup
	for index, check := range checks {
		group.Add(1)
		go func() {
			defer group.Done()
			wrong[index] = check.run(ctx, who)
		}()
	}
	group.Wait()
	told := map[string]any{}
	for index, check := range checks {
		told[check.name] = nil
		if wrong[index] != nil {
			told[check.name] = wrong[index].Error()
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(told); err != nil {
		os.Exit(1)
	}
}

func asked(model string, messages ...openai.ChatCompletionMessageParamUnion) openai.ChatCompletionNewParams {
	if len(messages) == 0 {
		messages = append(messages, openai.UserMessage("Hello"))
	}
	return openai.ChatCompletionNewParams{Model: model, Messages: messages}
}

// must says what a condition that does not hold was about.
func must(holds bool, format string, values ...any) error {
	if holds {
		return nil
	}
	return fmt.Errorf(format, values...)
}

func schema() map[string]any {
	return map[string]any{
		"type":       "object",
		"properties": map[string]any{"city": map[string]any{"type": "string"}},
		"required":   []string{"city"},
	}
}

func tools() []openai.ChatCompletionToolUnionParam {
	var made []openai.ChatCompletionToolUnionParam
	for _, name := range []string{"weather", "tides"} {
		function := shared.FunctionDefinitionParam{Name: name, Parameters: schema()}
		made = append(made, openai.ChatCompletionFunctionTool(function))
	}
	return made
}

func chat(ctx context.Context, who *user) error {
	answer, err := who.Chat.Completions.New(ctx, asked("fast"))
	if err != nil {
		return err
	}
	choice := answer.Choices[0]
	return errors.Join(
		must(strings.HasPrefix(choice.Message.Content, "You asked: “Hello”"), "said %q", choice.Message.Content),
		must(choice.FinishReason == "stop", "finished by %s", choice.FinishReason),
		must(answer.Usage.TotalTokens > 0, "no usage"),
		must(answer.Model == "gpt-4o-mini", "answered by %s", answer.Model),
	)
}

func stream(ctx context.Context, who *user) error {
	whole, err := who.Chat.Completions.New(ctx, asked("fast"))
	if err != nil {
		return err
	}
	params := asked("fast")
	params.StreamOptions.IncludeUsage = openai.Bool(true)
	chunks := who.Chat.Completions.NewStreaming(ctx, params)
	defer chunks.Close()
	var folded openai.ChatCompletionAccumulator
	for chunks.Next() {
		if !folded.AddChunk(chunks.Current()) {
			return errors.New("a chunk does not belong to the answer")
		}
	}
	if err := chunks.Err(); err != nil {
		return err
	}
	said := folded.Choices[0].Message.Content
	return errors.Join(
		must(said == whole.Choices[0].Message.Content, "streamed %q", said),
		must(folded.Choices[0].FinishReason == "stop", "finished by %s", folded.Choices[0].FinishReason),
		must(folded.Usage.CompletionTokens == whole.Usage.CompletionTokens, "usage is %v", folded.Usage),
	)
}

func parallelTools(ctx context.Context, who *user) error {
	for _, model := range []string{"fast", "thinker", "gemini"} {
		params := asked(model, openai.UserMessage("Please call weather and tides."))
		params.Tools = tools()
		answer, err := who.Chat.Completions.New(ctx, params)
		if err != nil {
			return err
		}
		message := answer.Choices[0].Message
		if len(message.ToolCalls) != 2 || answer.Choices[0].FinishReason != "tool_calls" {
			return fmt.Errorf("%s called %v", model, message.ToolCalls)
		}
		params.Messages = append(params.Messages, message.ToParam())
		for _, call := range message.ToolCalls {
			var arguments struct{ City string }
			if err := json.Unmarshal([]byte(call.Function.Arguments), &arguments); err != nil {
				return err
			}
			params.Messages = append(params.Messages, openai.ToolMessage("Sunny", call.ID))
		}
		if answer, err = who.Chat.Completions.New(ctx, params); err != nil {
			return err
		}
		said := answer.Choices[0].Message.Content
		if err := must(strings.Contains(said, "Sunny"), "%s said %q", model, said); err != nil {
			return err
		}
	}
	return nil
}

func jsonSchema(ctx context.Context, who *user) error {
	params := asked("fast")
	params.ResponseFormat.OfJSONSchema = &shared.ResponseFormatJSONSchemaParam{
		JSONSchema: shared.ResponseFormatJSONSchemaJSONSchemaParam{Name: "place", Schema: schema()},
	}
	answer, err := who.Chat.Completions.New(ctx, params)
	if err != nil {
		return err
	}
	var place struct{ City string }
	if err := json.Unmarshal([]byte(answer.Choices[0].Message.Content), &place); err != nil {
		return err
	}
	return must(place.City != "", "no city in %s", answer.Choices[0].Message.Content)
}

func embeddings(ctx context.Context, who *user) error {
	answer, err := who.Embeddings.New(ctx, openai.EmbeddingNewParams{
		Model:      "embed-small",
		Input:      openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"a", "b"}},
		Dimensions: openai.Int(64),
	})
	if err != nil {
		return err
	}
	return errors.Join(
		must(len(answer.Data) == 2 && len(answer.Data[1].Embedding) == 64, "got %d vectors", len(answer.Data)),
		must(answer.Usage.PromptTokens > 0, "no usage"),
	)
}

func images(ctx context.Context, who *user) error {
	const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
	answer, err := who.Chat.Completions.New(ctx, asked("fast", openai.UserMessage(
		[]openai.ChatCompletionContentPartUnionParam{
			openai.TextContentPart("What is it?"),
			openai.ImageContentPart(
				openai.ChatCompletionContentPartImageImageURLParam{URL: "data:image/png;base64," + pixel},
			),
		},
	)))
	if err != nil {
		return err
	}
	return must(answer.Choices[0].Message.Content != "", "nothing was said")
}

func models(ctx context.Context, who *user) error {
	found := map[string]bool{}
	pages := who.Models.ListAutoPaging(ctx)
	for pages.Next() {
		found[pages.Current().ID] = true
	}
	if err := pages.Err(); err != nil {
		return err
	}
	one, err := who.Models.Get(ctx, "fast")
	if err != nil {
		return err
	}
	return must(found["fast"] && found["embed-small"] && one.ID == "fast", "found %v", found)
}

// The thoughts stand in a field that the module does not know, and keeps.
func reasoning(ctx context.Context, who *user) error {
	params := asked("thinker")
	params.ReasoningEffort = shared.ReasoningEffortLow
	answer, err := who.Chat.Completions.New(ctx, params)
	if err != nil {
		return err
	}
	told := answer.Choices[0].Message.JSON.ExtraFields["reasoning_content"]
	return must(len(told.Raw()) > 2, "no thoughts in %s", answer.RawJSON())
}

func apiErrors(ctx context.Context, who *user) error {
	hasty := option.WithMaxRetries(0)
	for _, one := range []struct {
		model, code string
		status      int
		options     []option.RequestOption
	}{
		{"nobody", "model_not_found", http.StatusNotFound, nil},
		{"fault-context", "context_length_exceeded", http.StatusBadRequest, nil},
		{"fault-filter", "content_policy_violation", http.StatusBadRequest, nil},
		{"fault-throttled", "provider_throttled", http.StatusServiceUnavailable, nil},
		{"fault-500", "provider_unavailable", http.StatusServiceUnavailable, nil},
		{"fast", "invalid_api_key", http.StatusUnauthorized, []option.RequestOption{option.WithAPIKey("sk-wrong")}},
		{
			"two", "insufficient_permissions", http.StatusForbidden,
			[]option.RequestOption{option.WithAPIKey(who.narrow)},
		},
	} {
		_, err := who.Chat.Completions.New(ctx, asked(one.model), append(one.options, hasty)...)
		chunks := who.Chat.Completions.NewStreaming(ctx, asked(one.model), append(one.options, hasty)...)
		chunks.Next()
		for _, err := range []error{err, chunks.Err()} {
			var failed *openai.Error
			if !errors.As(err, &failed) {
				return fmt.Errorf("%s: %v", one.model, err)
			}
			if failed.Code != one.code || failed.StatusCode != one.status {
				return fmt.Errorf("%s: %d %s", one.model, failed.StatusCode, failed.Code)
			}
			if failed.Response.Header.Get("x-request-id") == "" {
				return fmt.Errorf("%s: no request id", one.model)
			}
		}
	}
	return nil
}

// Whatever breaks on the way is an error after what came.
func cutStream(ctx context.Context, who *user) error {
	for _, model := range []string{"fault-cut", "fault-nofinish", "fault-error-in-stream"} {
		chunks := who.Chat.Completions.NewStreaming(ctx, asked(model))
		var said strings.Builder
		for chunks.Next() {
			choice := chunks.Current().Choices[0]
			said.WriteString(choice.Delta.Content)
			if choice.FinishReason != "" {
				return fmt.Errorf("%s finished by %s", model, choice.FinishReason)
			}
		}
		var failed *ssestream.StreamError
		if !errors.As(chunks.Err(), &failed) || said.Len() == 0 {
			return fmt.Errorf("%s said %q and %v", model, said.String(), chunks.Err())
		}
		var body struct{ Error struct{ Code string } }
		if err := json.Unmarshal(failed.Event.Data, &body); err != nil || body.Error.Code != "stream_cut" {
			return fmt.Errorf("%s: %s", model, failed.Event.Data)
		}
	}
	return nil
}

type entry struct {
	Headers map[string]string
	Outcome string
	Started float64 `json:"started_unix"`
	Ended   float64 `json:"ended_unix"`
}

func newTrace() string {
	return fmt.Sprintf("00-%032x-%016x-01", time.Now().UnixNano(), os.Getpid())
}

// booked gives the upstream requests of a call, oldest first.
func booked(ctx context.Context, who *user, trace string) ([]entry, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, who.simulator+"/_sim/book", nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var page struct{ Calls []entry }
	if err := json.NewDecoder(response.Body).Decode(&page); err != nil {
		return nil, err
	}
	var found []entry
	for _, one := range page.Calls {
		if one.Headers["traceparent"] == trace {
			found = append(found, one)
		}
	}
	return found, nil
}

func cancelledStream(ctx context.Context, who *user) error {
	trace := newTrace()
	own, cancel := context.WithCancel(ctx)
	defer cancel()
	chunks := who.Chat.Completions.NewStreaming(own, asked("slow"), option.WithHeader("traceparent", trace))
	for range 3 {
		if !chunks.Next() {
			return fmt.Errorf("ended early: %v", chunks.Err())
		}
	}
	left := float64(time.Now().UnixNano()) / 1e9
	cancel()
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		calls, err := booked(ctx, who, trace)
		if err != nil {
			return err
		}
		if len(calls) == 1 && calls[0].Outcome != "open" {
			return errors.Join(
				must(calls[0].Outcome == "cancelled", "the upstream was %s", calls[0].Outcome),
				must(calls[0].Ended-left < closedWithin.Seconds(), "closed after %.3f s", calls[0].Ended-left),
				must(!chunks.Next() || chunks.Next() || chunks.Err() != nil, "no error"),
			)
		}
	}
	return errors.New("the upstream did not end")
}

func routeAndLabels(ctx context.Context, who *user) error {
	own := map[string]any{
		"route":  map[string]any{"providers": []string{"anthropic"}},
		"labels": map[string]any{"feature": "sdk-go"},
	}
	answer, err := who.Chat.Completions.New(ctx, asked("two"), option.WithJSONSet("hedgerow", own))
	if err != nil {
		return err
	}
	var told struct {
		Provider string
		Attempts []struct{ Outcome string }
	}
	if err := json.Unmarshal([]byte(answer.JSON.ExtraFields["hedgerow"].Raw()), &told); err != nil {
		return err
	}
	return must(told.Provider == "anthropic" && len(told.Attempts) == 1, "told %+v", told)
}

// The module comes back by itself, after the time that the provider has said.
func retryAfter(ctx context.Context, who *user) error {
	trace := newTrace()
	model := fmt.Sprintf("throttled/sim-fb-s01-go%d", os.Getpid())
	if _, err := who.Chat.Completions.New(ctx, asked(model), option.WithHeader("traceparent", trace)); err != nil {
		return err
	}
	calls, err := booked(ctx, who, trace)
	if err != nil {
		return err
	}
	if len(calls) != 2 {
		return fmt.Errorf("asked %d times", len(calls))
	}
	return must(calls[1].Started-calls[0].Started > 1.9, "after %.3f s", calls[1].Started-calls[0].Started)
}
