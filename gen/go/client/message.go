package client

import (
	"strings"

	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
)

// TextMessage is a message of one text part.
func TextMessage(role chatv1.Role, text string) *chatv1.Message {
	return &chatv1.Message{Role: role, Content: []*chatv1.Part{textPart(text)}}
}

func textPart(text string) *chatv1.Part { return &chatv1.Part{Content: &chatv1.Part_Text{Text: text}} }

// Text is the text of a message: its text parts, joined. Reasoning and refusals are not text.
func Text(message *chatv1.Message) string { return joined(message, (*chatv1.Part).GetText) }

// Refusal is what the model said when it declined to answer, joined of all parts. Empty when it did not, or said nothing.
func Refusal(message *chatv1.Message) string { return joined(message, (*chatv1.Part).GetRefusal) }

func joined(message *chatv1.Message, of func(*chatv1.Part) string) string {
	var text strings.Builder
	for _, p := range message.GetContent() {
		text.WriteString(of(p))
	}
	return text.String()
}

// ToolCalls are the calls in a message, in their order. Nil where there are none.
func ToolCalls(message *chatv1.Message) []*chatv1.ToolCall {
	var calls []*chatv1.ToolCall
	for _, p := range message.GetContent() {
		if call := p.GetToolCall(); call != nil {
			calls = append(calls, call)
		}
	}
	return calls
}

// ToolResult is the part that answers a call with text. The results of all calls of a message go into one message of
// ROLE_TOOL, which follows the message with the calls.
func ToolResult(call *chatv1.ToolCall, text string) *chatv1.Part {
	return toolResult(call, text, false)
}

// ToolFailure is the part that tells the model that a call failed, and why.
func ToolFailure(call *chatv1.ToolCall, why string) *chatv1.Part { return toolResult(call, why, true) }

func toolResult(call *chatv1.ToolCall, text string, failed bool) *chatv1.Part {
	return &chatv1.Part{Content: &chatv1.Part_ToolResult{ToolResult: &chatv1.ToolResult{
		ToolCallId: call.GetId(), Content: []*chatv1.Part{textPart(text)}, IsError: failed,
	}}}
}
