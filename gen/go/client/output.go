package client

import (
	"errors"
	"fmt"
	"unicode/utf8"

	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
)

// Why an answer holds no value of the form that was asked for; see [OutputError].
var (
	// ErrRefusal says that the model declined to answer.
	ErrRefusal = errors.New("the model declined to answer")

	// ErrTruncated says that the answer was cut: by max_output_tokens, the model's context or a budget, or because the
	// provider paused.
	ErrTruncated = errors.New("the answer was cut")

	// ErrWithheld says that a filter of the provider or a guardrail withheld the answer or the rest of it.
	ErrWithheld = errors.New("the answer was withheld")

	// ErrToolCalls says that the model called tools and wants their results first.
	ErrToolCalls = errors.New("the model called tools instead")

	// ErrMalformedOutput says that the provider gave up on an answer that did not follow the schema.
	ErrMalformedOutput = errors.New("the provider says that the answer does not follow the schema")

	// ErrInvalidJSON says that the text of the answer is no JSON, or JSON with something around it.
	ErrInvalidJSON = errors.New("the answer is not JSON")

	// ErrSchemaMismatch says that the text of the answer is JSON of another form.
	ErrSchemaMismatch = errors.New("the answer does not follow the schema")
)

// OutputError says why an answer holds no value. [errors.Is] finds which of [ErrRefusal], [ErrTruncated], [ErrWithheld],
// [ErrToolCalls], [ErrMalformedOutput], [ErrInvalidJSON] and [ErrSchemaMismatch] it is, and [errors.As] the error of
// [encoding/json] below it where that has one.
type OutputError struct {
	// Answer is the whole answer, with its finish reason, usage and cost.
	Answer *chatv1.CompleteResponse

	// Text is what came: the text of the answer, or the words of the refusal where there are some. Models may repeat in it
	// what they were given.
	Text string

	kind   error
	detail error
}

func outputError(answer *chatv1.CompleteResponse, kind, detail error) *OutputError {
	text := Text(answer.GetMessage())
	if refusal := Refusal(answer.GetMessage()); refusal != "" && errors.Is(kind, ErrRefusal) {
		text = refusal
	}
	return &OutputError{Answer: answer, Text: text, kind: kind, detail: detail}
}

// Error is one line: why, details where there are some, the finish reason and how much text came. The text itself is not
// in it, because it does not belong in logs.
func (e *OutputError) Error() string {
	why := e.kind.Error()
	if e.detail != nil {
		why += ": " + e.detail.Error()
	}
	return fmt.Sprintf("hedgerow: %s (%s, %d characters came)",
		why, e.Answer.GetFinishReason(), utf8.RuneCountInString(e.Text))
}

// Unwrap gives the kind of error, and its details where there are some.
func (e *OutputError) Unwrap() []error {
	if e.detail == nil {
		return []error{e.kind}
	}
	return []error{e.kind, e.detail}
}

// unusable says why there is no need to read the answer's text; nil where it is to be read. Reasons that this version does
// not know leave it to the text.
func unusable(answer *chatv1.CompleteResponse) error {
	switch answer.GetFinishReason() {
	case chatv1.FinishReason_FINISH_REASON_REFUSAL:
		return ErrRefusal
	case chatv1.FinishReason_FINISH_REASON_LENGTH, chatv1.FinishReason_FINISH_REASON_CONTEXT_LENGTH,
		chatv1.FinishReason_FINISH_REASON_BUDGET, chatv1.FinishReason_FINISH_REASON_PAUSE:
		return ErrTruncated
	case chatv1.FinishReason_FINISH_REASON_CONTENT_FILTER, chatv1.FinishReason_FINISH_REASON_RECITATION,
		chatv1.FinishReason_FINISH_REASON_GUARDRAIL:
		return ErrWithheld
	case chatv1.FinishReason_FINISH_REASON_TOOL_CALLS, chatv1.FinishReason_FINISH_REASON_MALFORMED_TOOL_CALL:
		return ErrToolCalls
	case chatv1.FinishReason_FINISH_REASON_MALFORMED_OUTPUT:
		return ErrMalformedOutput
	}
	// Some providers say STOP whatever the model has done.
	switch message := answer.GetMessage(); {
	case Text(message) != "":
		return nil
	case Refusal(message) != "":
		return ErrRefusal
	case len(ToolCalls(message)) > 0:
		return ErrToolCalls
	}
	return nil
}
