package client

import (
	"cmp"
	"strings"

	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
)

// kind is what a part holds; a word for error messages.
type kind string

const (
	kindNone      kind = ""
	kindText      kind = "text"
	kindRefusal   kind = "refusal"
	kindReasoning kind = "reasoning"
	kindToolCall  kind = "tool call"
	kindMedia     kind = "media"
	kindItem      kind = "provider item"
)

// part is one part of an answer while it is put together.
type part struct {
	kind      kind
	text      strings.Builder // text, refusal, thoughts, arguments of the call or spoken words
	id, name  string          // of the tool call
	mediaType string
	data      []byte
	url       string
	item      *chatv1.ProviderItem
	state     *chatv1.ProviderState
	citations []*chatv1.Citation
	logprobs  []*chatv1.TokenLogprob
}

func (p *part) addMedia(delta *chatv1.MediaDelta) {
	p.mediaType = cmp.Or(p.mediaType, delta.GetMediaType())
	p.url = cmp.Or(delta.GetUrl(), p.url)
	p.data = append(p.data, delta.GetData()...)
	p.text.WriteString(delta.GetTranscript())
}

// build makes the part of the message. It is nil where only state, citations or log probabilities came: the content itself was then of a
// kind that this version does not know, and a part without content could not be sent back.
func (p *part) build() *chatv1.Part {
	built := &chatv1.Part{ProviderState: p.state, Citations: p.citations, Logprobs: p.logprobs}
	switch p.kind {
	case kindText:
		built.Content = &chatv1.Part_Text{Text: p.text.String()}
	case kindRefusal:
		built.Content = &chatv1.Part_Refusal{Refusal: p.text.String()}
	case kindReasoning:
		built.Content = &chatv1.Part_Reasoning{Reasoning: &chatv1.Reasoning{Text: p.text.String()}}
	case kindToolCall:
		arguments := cmp.Or(p.text.String(), "{}")
		built.Content = &chatv1.Part_ToolCall{ToolCall: &chatv1.ToolCall{Id: p.id, Name: p.name, Arguments: arguments}}
	case kindMedia:
		p.buildMedia(built)
	case kindItem:
		built.Content = &chatv1.Part_ProviderItem{ProviderItem: p.item}
	default:
		return nil
	}
	return built
}

// buildMedia sets the kind of content that the media type decides. Bytes win over an address where both came.
func (p *part) buildMedia(built *chatv1.Part) {
	byAddress := len(p.data) == 0 && p.url != ""
	switch family, _, _ := strings.Cut(p.mediaType, "/"); family {
	case "image":
		image := &chatv1.Image{MediaType: p.mediaType, Source: &chatv1.Image_Data{Data: p.data}}
		if byAddress {
			image.Source = &chatv1.Image_Url{Url: p.url}
		}
		built.Content = &chatv1.Part_Image{Image: image}
	case "audio":
		audio := &chatv1.Audio{
			MediaType: p.mediaType, Transcript: p.text.String(), Source: &chatv1.Audio_Data{Data: p.data},
		}
		if byAddress {
			audio.Source = &chatv1.Audio_Url{Url: p.url}
		}
		built.Content = &chatv1.Part_Audio{Audio: audio}
	default:
		file := &chatv1.File{MediaType: p.mediaType, Source: &chatv1.File_Data{Data: p.data}}
		if byAddress {
			file.Source = &chatv1.File_Url{Url: p.url}
		}
		built.Content = &chatv1.Part_File{File: file}
	}
}
