package hedgerowtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
	commonv1 "hedgerow.internal/gen/go/hedgerow/common/v1"
)

// Answer is what the model says to one chat call. The zero value is an empty answer. Its parts come in the order of the
// fields: reasoning, text, refusal, tool calls, further parts.
type Answer struct {
	// Reasoning is what the model thought before.
	Reasoning string

	// Text is the text of the answer, sent word by word.
	Text string

	// Chunks is the text as the deltas in which it is sent, in place of Text.
	Chunks []string

	// JSON is written as JSON text, in place of Text.
	JSON any

	// Refusal is what the model says when it declines to answer.
	Refusal string

	// ToolCalls are the calls of tools.
	ToolCalls []ToolCall

	// Parts are any other parts, such as images; also a text part with citations, or reasoning with a provider's state.
	Parts []*chatv1.Part

	// FinishReason is why the model stopped. Unset: REFUSAL with Refusal, TOOL_CALLS with ToolCalls, else STOP.
	FinishReason chatv1.FinishReason

	// Usage is what the answer consumed. Nil: a token for each word of the question and of the answer.
	Usage *commonv1.Usage

	// Provider is the configured name of the provider. Empty: "fake".
	Provider string

	// Model is the provider's name of the model. Empty: the name that was asked for.
	Model string

	// CostPicos is what the call costs and is charged, in 10^-12 US dollars. Nil: the price is not known.
	CostPicos *int64

	// Warnings are what was not done exactly as asked.
	Warnings []*commonv1.Warning

	// Verdicts are what guardrails decided; they come at the end of a stream.
	Verdicts []*chatv1.GuardrailVerdict

	// Attempts are the attempts of the call, oldest first. Nil: one, which succeeded.
	Attempts []*commonv1.Attempt

	// Cache says that the answer was kept from an earlier call. Nil where it was not.
	Cache *chatv1.CacheOrigin

	// FirstDelay is how long the answer lets wait for its first event, and Delay for each further one. An answer in one
	// piece takes as long as all events together.
	FirstDelay, Delay time.Duration

	times
}

// ToolCall is a call of a tool.
type ToolCall struct {
	// ID is the id of the call. Empty: "call-1" and so on.
	ID string

	// Name is the name of the function.
	Name string

	// Arguments are JSON text as they are, or any other value, which is written as JSON. Nil: "{}".
	Arguments any
}

const fakeProvider = "fake"

// plan makes the events of the answer, without numbers.
func (a Answer) plan(request Request) (*plan, error) {
	parts, err := a.parts()
	if err != nil {
		return nil, err
	}
	p := &plan{first: a.FirstDelay, each: a.Delay}
	provider, model := cmp.Or(a.Provider, fakeProvider), cmp.Or(a.Model, request.Chat.GetModel())
	p.add(&chatv1.StreamCompleteResponse{Event: &chatv1.StreamCompleteResponse_Started{Started: &chatv1.Started{
		Provider: provider, Model: model, Warnings: a.Warnings, ResponseId: "answer-of-" + request.ID, CacheOrigin: a.Cache,
	}}})
	for i, part := range parts {
		p.addPart(int32(i), part)
	}
	for _, verdict := range a.Verdicts {
		p.add(&chatv1.StreamCompleteResponse{Event: &chatv1.StreamCompleteResponse_GuardrailVerdict{GuardrailVerdict: verdict}})
	}
	usage := a.Usage
	if usage == nil {
		usage = countWords(request.Chat, parts)
	}
	attempts := a.Attempts
	if attempts == nil && a.Cache == nil {
		attempts = []*commonv1.Attempt{{
			Number: 1, Provider: provider, Model: model, Kind: commonv1.AttemptKind_ATTEMPT_KIND_PRIMARY,
			Outcome: commonv1.AttemptOutcome_ATTEMPT_OUTCOME_SUCCEEDED, UpstreamStatus: 200, Usage: usage, CostPicos: a.CostPicos,
		}}
	}
	reason := a.finishReason()
	p.add(&chatv1.StreamCompleteResponse{Event: &chatv1.StreamCompleteResponse_Completed{Completed: &chatv1.Completed{
		FinishReason: reason, NativeFinishReason: nativeReason(reason), Usage: usage,
		CostPicos: a.CostPicos, ChargedPicos: a.CostPicos, Attempts: attempts,
	}}})
	return p, nil
}

// parts are the parts of the answer's message, with the pieces in which each is sent.
func (a Answer) parts() ([]pieces, error) {
	var all []pieces
	if a.Reasoning != "" {
		all = append(all, whole(&chatv1.Part{Content: &chatv1.Part_Reasoning{Reasoning: &chatv1.Reasoning{Text: a.Reasoning}}}))
	}
	text, err := a.text()
	if err != nil {
		return nil, err
	}
	if text != "" {
		part := whole(&chatv1.Part{Content: &chatv1.Part_Text{Text: text}})
		if a.Chunks != nil {
			part.chunks = a.Chunks
		}
		all = append(all, part)
	}
	if a.Refusal != "" {
		all = append(all, whole(&chatv1.Part{Content: &chatv1.Part_Refusal{Refusal: a.Refusal}}))
	}
	for i, call := range a.ToolCalls {
		arguments, err := argumentsText(call.Arguments)
		if err != nil {
			return nil, fmt.Errorf("the arguments of %s: %w", call.Name, err)
		}
		all = append(all, whole(&chatv1.Part{Content: &chatv1.Part_ToolCall{ToolCall: &chatv1.ToolCall{
			Id: cmp.Or(call.ID, fmt.Sprint("call-", i+1)), Name: call.Name, Arguments: arguments,
		}}}))
	}
	for _, part := range a.Parts {
		all = append(all, whole(part))
	}
	return all, nil
}

func (a Answer) text() (string, error) {
	if a.Chunks != nil {
		return strings.Join(a.Chunks, ""), nil
	}
	if a.JSON == nil {
		return a.Text, nil
	}
	text, err := json.Marshal(a.JSON)
	if err != nil {
		return "", fmt.Errorf("the field JSON: %w", err)
	}
	return string(text), nil
}

func argumentsText(arguments any) (string, error) {
	switch a := arguments.(type) {
	case nil:
		return "{}", nil
	case string:
		return a, nil
	}
	text, err := json.Marshal(arguments)
	return string(text), err
}

func (a Answer) finishReason() chatv1.FinishReason {
	switch {
	case a.FinishReason != chatv1.FinishReason_FINISH_REASON_UNSPECIFIED:
		return a.FinishReason
	case a.Refusal != "":
		return chatv1.FinishReason_FINISH_REASON_REFUSAL
	case len(a.ToolCalls) > 0:
		return chatv1.FinishReason_FINISH_REASON_TOOL_CALLS
	default:
		return chatv1.FinishReason_FINISH_REASON_STOP
	}
}

// nativeReason is a provider's word for it: the gateway's own in small letters.
func nativeReason(reason chatv1.FinishReason) string {
	return strings.ToLower(strings.TrimPrefix(reason.String(), "FINISH_REASON_"))
}

// countWords is a usage of a token for each word.
func countWords(chat *chatv1.ChatSpec, answer []pieces) *commonv1.Usage {
	usage := &commonv1.Usage{Final: true}
	for _, message := range chat.GetMessages() {
		for _, part := range message.GetContent() {
			usage.InputUncachedTokens += int64(len(strings.Fields(contentText(part))))
		}
	}
	for _, p := range answer {
		n := int64(len(strings.Fields(contentText(p.part))))
		if p.part.GetReasoning() != nil {
			usage.OutputReasoningTokens += n
		} else {
			usage.OutputVisibleTokens += n
		}
	}
	usage.InputTokens = usage.InputUncachedTokens
	usage.OutputTokens = usage.OutputVisibleTokens + usage.OutputReasoningTokens
	return usage
}
