package hedgerowtest

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"

	"hedgerow.internal/gen/go/client"
	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
)

// plan is what will become of one chat call.
type plan struct {
	events      []*chatv1.StreamCompleteResponse
	first, each time.Duration
	fault       *Fault // follows the events; nil where they end the call
}

func (p *plan) add(event *chatv1.StreamCompleteResponse) { p.events = append(p.events, event) }

// number gives the events their numbers and makes sure that they keep to the contract.
func (p *plan) number() error {
	for i, event := range p.events {
		event.Sequence = int64(i) + 1
	}
	return p.check()
}

// check finds what a gateway would not send: Started must be first, once, and Completed last unless a fault follows. The
// client's own fold finds gaps, deltas that do not fit their part, and what comes twice.
func (p *plan) check() error {
	if len(p.events) > 0 && p.events[0].GetStarted() == nil {
		return errors.New("the first event is not Started")
	}
	var fold client.Fold
	for _, event := range p.events {
		if err := fold.Add(event); err != nil {
			return err
		}
	}
	if p.fault == nil {
		_, err := fold.Answer()
		return err
	}
	return nil
}

// answer is the fold of the events.
func (p *plan) answer() (*chatv1.CompleteResponse, error) {
	var fold client.Fold
	for _, event := range p.events {
		if err := fold.Add(event); err != nil {
			return nil, err
		}
	}
	return fold.Answer()
}

// wait is how long the events from one to another let wait.
func (p *plan) wait(from, to int) time.Duration {
	d := time.Duration(to-max(from, 1)) * p.each
	if from == 0 && to > 0 {
		d += p.first
	}
	return d
}

// pause waits, but not longer than the caller and the server.
func (s *Server) pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.stopped:
		return context.Canceled
	}
}

// hang waits until the caller leaves.
func (s *Server) hang(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.stopped:
		return context.Canceled
	}
}

// pieces is a part and how it is cut into deltas.
type pieces struct {
	part   *chatv1.Part
	chunks []string
}

// whole cuts a part into words.
func whole(part *chatv1.Part) pieces { return pieces{part, words(contentText(part))} }

// contentText is what a part says, in whatever kind of content.
func contentText(part *chatv1.Part) string {
	switch content := part.GetContent().(type) {
	case *chatv1.Part_Text:
		return content.Text
	case *chatv1.Part_Refusal:
		return content.Refusal
	case *chatv1.Part_Reasoning:
		return content.Reasoning.GetText()
	case *chatv1.Part_ToolCall:
		return content.ToolCall.GetArguments()
	case *chatv1.Part_Audio:
		return content.Audio.GetTranscript()
	}
	return ""
}

// words cuts a text before each word, so that the pieces joined are the text.
func words(text string) []string {
	var all []string
	begin, space := 0, false
	for i, r := range text {
		if space && !unicode.IsSpace(r) && strings.TrimSpace(text[begin:i]) != "" {
			all = append(all, text[begin:i])
			begin = i
		}
		space = unicode.IsSpace(r)
	}
	if begin < len(text) {
		all = append(all, text[begin:])
	}
	return all
}

// addPart adds the events of one part of the answer.
func (p *plan) addPart(index int32, piece pieces) {
	part, chunks := piece.part, piece.chunks
	if len(chunks) == 0 {
		chunks = []string{""} // a part shows that it is there
	}
	switch content := part.GetContent().(type) {
	case *chatv1.Part_Text:
		for _, chunk := range chunks {
			p.add(textDelta(index, chunk))
		}
	case *chatv1.Part_Refusal:
		for _, chunk := range chunks {
			p.add(&chatv1.StreamCompleteResponse{Event: &chatv1.StreamCompleteResponse_RefusalDelta{
				RefusalDelta: &chatv1.RefusalDelta{PartIndex: index, Text: chunk},
			}})
		}
	case *chatv1.Part_Reasoning:
		for _, chunk := range chunks {
			p.add(&chatv1.StreamCompleteResponse{Event: &chatv1.StreamCompleteResponse_ReasoningDelta{
				ReasoningDelta: &chatv1.ReasoningDelta{PartIndex: index, Text: chunk},
			}})
		}
	case *chatv1.Part_ToolCall:
		p.addToolCall(index, content.ToolCall, chunks)
	case *chatv1.Part_ProviderItem:
		p.add(&chatv1.StreamCompleteResponse{Event: &chatv1.StreamCompleteResponse_ProviderItemAdded{
			ProviderItemAdded: &chatv1.ProviderItemAdded{PartIndex: index, Item: content.ProviderItem},
		}})
	default:
		p.add(&chatv1.StreamCompleteResponse{Event: &chatv1.StreamCompleteResponse_MediaDelta{MediaDelta: mediaDelta(index, part)}})
	}
	p.addAttachments(index, part)
}

func textDelta(index int32, text string) *chatv1.StreamCompleteResponse {
	return &chatv1.StreamCompleteResponse{Event: &chatv1.StreamCompleteResponse_TextDelta{
		TextDelta: &chatv1.TextDelta{PartIndex: index, Text: text},
	}}
}

func (p *plan) addToolCall(index int32, call *chatv1.ToolCall, chunks []string) {
	p.add(&chatv1.StreamCompleteResponse{Event: &chatv1.StreamCompleteResponse_ToolCallStarted{
		ToolCallStarted: &chatv1.ToolCallStarted{PartIndex: index, Id: call.GetId(), Name: call.GetName()},
	}})
	for _, chunk := range chunks {
		p.add(&chatv1.StreamCompleteResponse{Event: &chatv1.StreamCompleteResponse_ToolCallArgumentsDelta{
			ToolCallArgumentsDelta: &chatv1.ToolCallArgumentsDelta{PartIndex: index, Arguments: chunk},
		}})
	}
	p.add(&chatv1.StreamCompleteResponse{Event: &chatv1.StreamCompleteResponse_ToolCallEnded{
		ToolCallEnded: &chatv1.ToolCallEnded{PartIndex: index},
	}})
}

// mediaDelta is an image, a recording or a file in one piece.
func mediaDelta(index int32, part *chatv1.Part) *chatv1.MediaDelta {
	switch content := part.GetContent().(type) {
	case *chatv1.Part_Image:
		return &chatv1.MediaDelta{
			PartIndex: index, MediaType: content.Image.GetMediaType(), Data: content.Image.GetData(), Url: content.Image.GetUrl(),
		}
	case *chatv1.Part_Audio:
		return &chatv1.MediaDelta{
			PartIndex: index, MediaType: content.Audio.GetMediaType(), Data: content.Audio.GetData(),
			Url: content.Audio.GetUrl(), Transcript: content.Audio.GetTranscript(),
		}
	default:
		return &chatv1.MediaDelta{
			PartIndex: index, MediaType: part.GetFile().GetMediaType(), Data: part.GetFile().GetData(), Url: part.GetFile().GetUrl(),
		}
	}
}

func (p *plan) addAttachments(index int32, part *chatv1.Part) {
	for _, citation := range part.GetCitations() {
		p.add(&chatv1.StreamCompleteResponse{Event: &chatv1.StreamCompleteResponse_CitationAdded{
			CitationAdded: &chatv1.CitationAdded{PartIndex: index, Citation: citation},
		}})
	}
	if tokens := part.GetLogprobs(); len(tokens) > 0 {
		p.add(&chatv1.StreamCompleteResponse{Event: &chatv1.StreamCompleteResponse_LogprobsDelta{
			LogprobsDelta: &chatv1.LogprobsDelta{PartIndex: index, Tokens: tokens},
		}})
	}
	if state := part.GetProviderState(); state != nil {
		p.add(&chatv1.StreamCompleteResponse{Event: &chatv1.StreamCompleteResponse_ProviderStateAttached{
			ProviderStateAttached: &chatv1.ProviderStateAttached{PartIndex: index, State: state},
		}})
	}
}
