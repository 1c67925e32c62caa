package client

import (
	"strings"

	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
)

// TextMessage is a message of one text part.
func TextMessage(role chatv1.Role, text string) *chatv1.Message {
	return &chatv1.Message{Role: role, Content: []*chatv1.Part{{Content: &chatv1.Part_Text{Text: text}}}}
}

// Text is the text of a message: its text parts, joined. Reasoning and refusals are not text.
func Text(message *chatv1.Message) string {
	var text strings.Builder
	for _, p := range message.GetContent() {
		text.WriteString(p.GetText())
	}
	return text.String()
}
