package client

import (
	"fmt"
	"iter"
	"maps"
	"slices"

	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
)

// Collect reads a stream to its end and returns the answer that the unary call would have given: its message can be
// appended unchanged to ChatSpec.messages.
//
//	answer, err := client.Collect(client.Stream(ctx, stub, request))
//
// The errors are those of [Stream]; there is no answer beside an error. Use a [Fold] to show events while they come, or
// to keep the part of an answer that a failed call brought.
func Collect(events iter.Seq2[*chatv1.StreamCompleteResponse, error]) (*chatv1.CompleteResponse, error) {
	var fold Fold
	for event, err := range events {
		if err != nil {
			return nil, err
		}
		if err := fold.Add(event); err != nil {
			return nil, err
		}
	}
	return fold.Answer()
}

// Fold makes a whole answer of events, one at a time. The zero value is ready to use, by one goroutine.
//
// Messages of the events become messages of the answer without being copied.
type Fold struct {
	rules chatRules
	parts map[int32]*part
	head  chatv1.CompleteResponse // all but the content
	err   error
}

// Add takes the next event. It fails with [ErrContract] or [ErrRouteChange], and from then on always. Events of a kind
// that this version does not know change nothing.
func (f *Fold) Add(event *chatv1.StreamCompleteResponse) error {
	if f.err == nil {
		f.err = f.rules.check(event)
	}
	if f.err == nil && !f.addToHead(event) {
		f.err = f.addToPart(event)
	}
	return f.err
}

// Answer is the whole answer. It fails with [ErrIncomplete] while the Completed event is missing, and with the error of
// Add where that failed.
func (f *Fold) Answer() (*chatv1.CompleteResponse, error) {
	if f.err != nil {
		return nil, f.err
	}
	if err := f.rules.end(); err != nil {
		return nil, err
	}
	return f.Partial(), nil
}

// Partial is the answer so far, whole or not. Its finish reason is unspecified until the answer is complete, and the
// arguments of its last tool call may end anywhere.
func (f *Fold) Partial() *chatv1.CompleteResponse {
	answer := &chatv1.CompleteResponse{
		Message:            &chatv1.Message{Role: chatv1.Role_ROLE_ASSISTANT},
		FinishReason:       f.head.FinishReason,
		NativeFinishReason: f.head.NativeFinishReason,
		Usage:              f.head.Usage,
		Provider:           f.head.Provider,
		Model:              f.head.Model,
		Warnings:           slices.Clone(f.head.Warnings),
		CostPicos:          f.head.CostPicos,
		ChargedPicos:       f.head.ChargedPicos,
		PriceVersion:       f.head.PriceVersion,
		Attempts:           slices.Clone(f.head.Attempts),
		ResponseId:         f.head.ResponseId,
		StopSequence:       f.head.StopSequence,
		GuardrailVerdicts:  slices.Clone(f.head.GuardrailVerdicts),
		CacheOrigin:        f.head.CacheOrigin,
	}
	for _, index := range slices.Sorted(maps.Keys(f.parts)) {
		if built := f.parts[index].build(); built != nil {
			answer.Message.Content = append(answer.Message.Content, built)
		}
	}
	return answer
}

// addToHead takes the events that concern the answer as a whole, and says whether this was one.
func (f *Fold) addToHead(event *chatv1.StreamCompleteResponse) bool {
	switch e := event.GetEvent().(type) {
	case *chatv1.StreamCompleteResponse_Started:
		f.begin(e.Started.GetProvider(), e.Started.GetModel(), e.Started.GetResponseId())
		f.head.Warnings, f.head.CacheOrigin = e.Started.GetWarnings(), e.Started.GetCacheOrigin()
	case *chatv1.StreamCompleteResponse_RouteChange:
		f.parts = nil
		f.head.Usage = nil
		f.begin(e.RouteChange.GetToProvider(), e.RouteChange.GetToModel(), e.RouteChange.GetResponseId())
		f.head.Warnings, f.head.CacheOrigin = e.RouteChange.GetWarnings(), nil
	case *chatv1.StreamCompleteResponse_GuardrailVerdict:
		f.head.GuardrailVerdicts = append(f.head.GuardrailVerdicts, e.GuardrailVerdict)
	case *chatv1.StreamCompleteResponse_UsageUpdate:
		f.head.Usage = e.UsageUpdate.GetUsage()
	case *chatv1.StreamCompleteResponse_Completed:
		f.finish(e.Completed)
	default:
		return false
	}
	return true
}

func (f *Fold) begin(provider, model, responseID string) {
	f.head.Provider, f.head.Model, f.head.ResponseId = provider, model, responseID
}

func (f *Fold) finish(c *chatv1.Completed) {
	f.head.FinishReason, f.head.NativeFinishReason = c.GetFinishReason(), c.GetNativeFinishReason()
	f.head.StopSequence = c.GetStopSequence()
	f.head.Usage = c.GetUsage()
	f.head.CostPicos, f.head.ChargedPicos, f.head.PriceVersion = c.CostPicos, c.ChargedPicos, c.GetPriceVersion()
	f.head.Attempts = c.GetAttempts()
}

// addToPart takes the events that concern one part, and ignores those of an unknown kind.
func (f *Fold) addToPart(event *chatv1.StreamCompleteResponse) error {
	switch e := event.GetEvent().(type) {
	case *chatv1.StreamCompleteResponse_TextDelta:
		return f.addText(e.TextDelta.GetPartIndex(), kindText, e.TextDelta.GetText())
	case *chatv1.StreamCompleteResponse_RefusalDelta:
		return f.addText(e.RefusalDelta.GetPartIndex(), kindRefusal, e.RefusalDelta.GetText())
	case *chatv1.StreamCompleteResponse_ReasoningDelta:
		return f.addText(e.ReasoningDelta.GetPartIndex(), kindReasoning, e.ReasoningDelta.GetText())
	case *chatv1.StreamCompleteResponse_ToolCallArgumentsDelta:
		return f.addText(e.ToolCallArgumentsDelta.GetPartIndex(), kindToolCall, e.ToolCallArgumentsDelta.GetArguments())
	case *chatv1.StreamCompleteResponse_ToolCallStarted:
		return f.addToolCall(e.ToolCallStarted)
	case *chatv1.StreamCompleteResponse_MediaDelta:
		return f.addMedia(e.MediaDelta)
	case *chatv1.StreamCompleteResponse_ProviderItemAdded:
		return f.addItem(e.ProviderItemAdded)
	case *chatv1.StreamCompleteResponse_ProviderStateAttached:
		f.part(e.ProviderStateAttached.GetPartIndex()).state = e.ProviderStateAttached.GetState()
	case *chatv1.StreamCompleteResponse_CitationAdded:
		p := f.part(e.CitationAdded.GetPartIndex())
		p.citations = append(p.citations, e.CitationAdded.GetCitation())
	case *chatv1.StreamCompleteResponse_LogprobsDelta:
		p := f.part(e.LogprobsDelta.GetPartIndex())
		p.logprobs = append(p.logprobs, e.LogprobsDelta.GetTokens()...)
	}
	return nil
}

func (f *Fold) addText(index int32, k kind, text string) error {
	p, err := f.partOf(index, k)
	if err == nil {
		p.text.WriteString(text)
	}
	return err
}

func (f *Fold) addToolCall(call *chatv1.ToolCallStarted) error {
	if f.part(call.GetPartIndex()).kind == kindToolCall {
		return fmt.Errorf("%w: a second tool call begins in part %d", ErrContract, call.GetPartIndex())
	}
	p, err := f.partOf(call.GetPartIndex(), kindToolCall)
	if err == nil {
		p.id, p.name = call.GetId(), call.GetName()
	}
	return err
}

func (f *Fold) addMedia(delta *chatv1.MediaDelta) error {
	p, err := f.partOf(delta.GetPartIndex(), kindMedia)
	if err == nil {
		p.addMedia(delta)
	}
	return err
}

func (f *Fold) addItem(added *chatv1.ProviderItemAdded) error {
	p, err := f.partOf(added.GetPartIndex(), kindItem)
	if err == nil {
		p.item = added.GetItem()
	}
	return err
}

// part is the part with this index, new where there is none.
func (f *Fold) part(index int32) *part {
	if f.parts == nil {
		f.parts = make(map[int32]*part)
	}
	p := f.parts[index]
	if p == nil {
		p = &part{}
		f.parts[index] = p
	}
	return p
}

// partOf is the part with this index, which must be of this kind or new.
func (f *Fold) partOf(index int32, k kind) (*part, error) {
	p := f.part(index)
	if p.kind != kindNone && p.kind != k {
		return nil, fmt.Errorf("%w: a %s delta for part %d, which is a %s", ErrContract, k, index, p.kind)
	}
	p.kind = k
	return p, nil
}
