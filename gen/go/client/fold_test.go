package client_test

import (
	"io"
	"testing"

	"google.golang.org/protobuf/proto"

	"hedgerow.internal/gen/go/client"
	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
	commonv1 "hedgerow.internal/gen/go/hedgerow/common/v1"
)

const (
	discard = chatv1.RouteChangeAction_ROUTE_CHANGE_ACTION_DISCARD_OUTPUT
	goOn    = chatv1.RouteChangeAction_ROUTE_CHANGE_ACTION_CONTINUE
)

// collect folds events without a network.
func collect(list []*chatv1.StreamCompleteResponse) (*chatv1.CompleteResponse, error) {
	return client.Collect(func(yield func(*chatv1.StreamCompleteResponse, error) bool) {
		for _, event := range list {
			if !yield(event, nil) {
				return
			}
		}
	})
}

func mustCollect(t *testing.T, list []*chatv1.StreamCompleteResponse) *chatv1.CompleteResponse {
	t.Helper()
	answer, err := collect(list)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// mustEqual compares messages and shows both where they differ.
func mustEqual(t *testing.T, got, want proto.Message) {
	t.Helper()
	if !proto.Equal(got, want) {
		t.Fatalf("got  %v\nwant %v", got, want)
	}
}

func warning(field string) *commonv1.Warning { return &commonv1.Warning{Field: field} }

func TestCollectGivesTheAnswerOfTheUnaryCall(t *testing.T) {
	end := completed(chatv1.FinishReason_FINISH_REASON_TOOL_CALLS)
	end.GetCompleted().CostPicos = proto.Int64(70)
	end.GetCompleted().ChargedPicos = proto.Int64(0)
	end.GetCompleted().PriceVersion = "2026-01"
	end.GetCompleted().StopSequence = "END"
	end.GetCompleted().Attempts = []*commonv1.Attempt{{Number: 1}, {Number: 2}}
	got := mustCollect(t, events(
		started("first", "model-1", warning("chat.top_k")),
		verdict("pii"), usageUpdate(1),
		reasoning(0, "hm"), reasoning(0, "m"), state(0, "replaced"), state(0, "signature"),
		text(1, "It is "), logprobs(1, "It", " is "), text(1, "sunny."), logprobs(1, "sunny."),
		citation(1, "https://a.example"), citation(1, "https://b.example"),
		toolCall(2, "call-1", "weather"), arguments(2, `{"city":`), arguments(2, `"Oslo"}`), toolCallEnd(2),
		toolCall(3, "call-2", "now"), toolCallEnd(3),
		item(4, "web_search_call"), refusal(5, "No"), refusal(5, "."),
		end,
	))
	mustEqual(t, got, &chatv1.CompleteResponse{
		Message: &chatv1.Message{Role: chatv1.Role_ROLE_ASSISTANT, Content: []*chatv1.Part{
			{
				Content:       &chatv1.Part_Reasoning{Reasoning: &chatv1.Reasoning{Text: "hmm"}},
				ProviderState: &chatv1.ProviderState{Provider: "p", Data: []byte("signature")},
			},
			{
				Content:   &chatv1.Part_Text{Text: "It is sunny."},
				Citations: []*chatv1.Citation{{Url: "https://a.example"}, {Url: "https://b.example"}},
				Logprobs:  tokenLogprobs("It", " is ", "sunny."),
			},
			{Content: &chatv1.Part_ToolCall{
				ToolCall: &chatv1.ToolCall{Id: "call-1", Name: "weather", Arguments: `{"city":"Oslo"}`},
			}},
			{Content: &chatv1.Part_ToolCall{ToolCall: &chatv1.ToolCall{Id: "call-2", Name: "now", Arguments: "{}"}}},
			{Content: &chatv1.Part_ProviderItem{
				ProviderItem: &chatv1.ProviderItem{Provider: "p", Type: "web_search_call", Data: []byte("{}")},
			}},
			{Content: &chatv1.Part_Refusal{Refusal: "No."}},
		}},
		FinishReason:       chatv1.FinishReason_FINISH_REASON_TOOL_CALLS,
		NativeFinishReason: "native",
		Usage:              &commonv1.Usage{InputTokens: 3, OutputTokens: 5},
		Provider:           "first",
		Model:              "model-1",
		Warnings:           []*commonv1.Warning{warning("chat.top_k")},
		CostPicos:          proto.Int64(70),
		ChargedPicos:       proto.Int64(0),
		PriceVersion:       "2026-01",
		Attempts:           []*commonv1.Attempt{{Number: 1}, {Number: 2}},
		ResponseId:         "answer-of-first",
		StopSequence:       "END",
		GuardrailVerdicts:  []*chatv1.GuardrailVerdict{{Guardrail: "pii"}},
	})
}

func TestCollectOrdersPartsByIndexWhateverComesFirst(t *testing.T) {
	answer := mustCollect(t, events(started("p", "m"), text(7, "c"), text(1, "b"), text(0, "a"), text(1, "B"), completed(stop)))
	if got := client.Text(answer.GetMessage()); got != "abBc" {
		t.Fatalf("got the text %q, want %q", got, "abBc")
	}
}

func TestCollectMakesMediaPartsByMediaType(t *testing.T) {
	answer := mustCollect(t, events(
		started("p", "m"),
		media(&chatv1.MediaDelta{PartIndex: 0, MediaType: "image/png", Data: []byte("PN")}),
		media(&chatv1.MediaDelta{PartIndex: 0, Data: []byte("G")}),
		media(&chatv1.MediaDelta{PartIndex: 1, MediaType: "audio/wav", Transcript: "one "}),
		media(&chatv1.MediaDelta{PartIndex: 1, Data: []byte("RIFF"), Transcript: "two"}),
		media(&chatv1.MediaDelta{PartIndex: 2, MediaType: "application/pdf", Data: []byte("%PDF")}),
		media(&chatv1.MediaDelta{PartIndex: 3, MediaType: "image/webp", Url: "https://a.example/i"}),
		media(&chatv1.MediaDelta{PartIndex: 4, MediaType: "audio/mpeg", Url: "https://a.example/a"}),
		media(&chatv1.MediaDelta{PartIndex: 5, MediaType: "video/mp4", Url: "https://a.example/v"}),
		completed(stop),
	))
	mustEqual(t, answer.GetMessage(), &chatv1.Message{Role: chatv1.Role_ROLE_ASSISTANT, Content: []*chatv1.Part{
		{Content: &chatv1.Part_Image{Image: &chatv1.Image{
			MediaType: "image/png", Source: &chatv1.Image_Data{Data: []byte("PNG")},
		}}},
		{Content: &chatv1.Part_Audio{Audio: &chatv1.Audio{
			MediaType: "audio/wav", Source: &chatv1.Audio_Data{Data: []byte("RIFF")}, Transcript: "one two",
		}}},
		{Content: &chatv1.Part_File{File: &chatv1.File{
			MediaType: "application/pdf", Source: &chatv1.File_Data{Data: []byte("%PDF")},
		}}},
		{Content: &chatv1.Part_Image{Image: &chatv1.Image{
			MediaType: "image/webp", Source: &chatv1.Image_Url{Url: "https://a.example/i"},
		}}},
		{Content: &chatv1.Part_Audio{Audio: &chatv1.Audio{
			MediaType: "audio/mpeg", Source: &chatv1.Audio_Url{Url: "https://a.example/a"},
		}}},
		{Content: &chatv1.Part_File{File: &chatv1.File{
			MediaType: "video/mp4", Source: &chatv1.File_Url{Url: "https://a.example/v"},
		}}},
	}})
}

func TestDiscardOutputDropsWhatCameBefore(t *testing.T) {
	answer := mustCollect(t, events(
		started("first", "model-1", warning("chat.top_k")),
		text(0, "void"), citation(0, "https://void.example"), state(0, "void"), toolCall(1, "void", "void"), usageUpdate(9),
		routeChange(discard, warning("chat.seed")),
		reasoning(0, "again"), text(1, "good"), completed(stop),
	))
	mustEqual(t, answer, &chatv1.CompleteResponse{
		Message: &chatv1.Message{Role: chatv1.Role_ROLE_ASSISTANT, Content: []*chatv1.Part{
			{Content: &chatv1.Part_Reasoning{Reasoning: &chatv1.Reasoning{Text: "again"}}},
			{Content: &chatv1.Part_Text{Text: "good"}},
		}},
		FinishReason: stop, NativeFinishReason: "native", Usage: &commonv1.Usage{InputTokens: 3, OutputTokens: 5},
		Provider: "second", Model: "model-2", ResponseId: "answer-of-second",
		Warnings: []*commonv1.Warning{warning("chat.seed")},
	})
}

func TestAnUnknownRouteChangeFailsTheCall(t *testing.T) {
	for _, action := range []chatv1.RouteChangeAction{0, goOn, 99} {
		_, err := collect(events(started("p", "m"), text(0, "a"), routeChange(action), text(0, "b"), completed(stop)))
		mustBe(t, err, client.ErrRouteChange)
	}
}

func TestAnEventOfAnUnknownKindIsIgnored(t *testing.T) {
	answer := mustCollect(t, events(
		started("p", "m"), text(0, "a"), &chatv1.StreamCompleteResponse{}, text(0, "b"), completed(stop),
	))
	if got := client.Text(answer.GetMessage()); got != "ab" {
		t.Fatalf("got the text %q, want %q", got, "ab")
	}
}

func TestAPartOfWhichOnlyStateIsKnownIsLeftOut(t *testing.T) {
	answer := mustCollect(t, events(started("p", "m"), state(0, "s"), text(1, "a"), completed(stop)))
	if parts := answer.GetMessage().GetContent(); len(parts) != 1 || parts[0].GetText() != "a" {
		t.Fatalf("got the parts %v, want the text alone", parts)
	}
}

func TestStateMayComeBeforeTheContentOfItsPart(t *testing.T) {
	answer := mustCollect(t, events(started("p", "m"), state(0, "s"), text(0, "a"), completed(stop)))
	part := answer.GetMessage().GetContent()[0]
	if part.GetText() != "a" || string(part.GetProviderState().GetData()) != "s" {
		t.Fatalf("got the part %v, want the text with its state", part)
	}
}

func TestAStreamWithoutCompletedIsIncomplete(t *testing.T) {
	for _, list := range [][]*chatv1.StreamCompleteResponse{nil, events(started("p", "m"), text(0, "a"))} {
		_, err := collect(list)
		mustBe(t, err, client.ErrIncomplete)
		mustBe(t, err, io.ErrUnexpectedEOF)
	}
}

func TestABrokenContractFailsTheCall(t *testing.T) {
	gap := events(started("p", "m"), text(0, "a"), completed(stop))
	gap[2].Sequence = 4
	repeated := events(started("p", "m"), text(0, "a"), completed(stop))
	repeated[1].Sequence = 1
	late := events(started("p", "m"), completed(stop))
	for i := range late {
		late[i].Sequence++
	}
	for name, list := range map[string][]*chatv1.StreamCompleteResponse{
		"a gap":                     gap,
		"a number again":            repeated,
		"a first number above 1":    late,
		"two Completed":             events(started("p", "m"), completed(stop), completed(stop)),
		"text after Completed":      events(started("p", "m"), completed(stop), text(0, "a")),
		"two Started":               events(started("p", "m"), started("p", "m"), completed(stop)),
		"text for a tool call":      events(started("p", "m"), toolCall(0, "c", "f"), text(0, "a"), completed(stop)),
		"a call in a text":          events(started("p", "m"), text(0, "a"), toolCall(0, "c", "f"), completed(stop)),
		"two calls in one part":     events(started("p", "m"), toolCall(0, "c", "f"), toolCall(0, "d", "f"), completed(stop)),
		"media for a text":          events(started("p", "m"), text(0, "a"), media(&chatv1.MediaDelta{}), completed(stop)),
		"an item in a text":         events(started("p", "m"), text(0, "a"), item(0, "i"), completed(stop)),
		"arguments for a reasoning": events(started("p", "m"), reasoning(0, "a"), arguments(0, "{}"), completed(stop)),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := collect(list)
			mustBe(t, err, client.ErrContract)
		})
	}
}

func TestAFoldStaysFailed(t *testing.T) {
	var fold client.Fold
	mustBe(t, fold.Add(text(0, "a")), client.ErrContract) // sequence 0
	whole := events(started("p", "m"), completed(stop))
	mustBe(t, fold.Add(whole[0]), client.ErrContract)
	_, err := fold.Answer()
	mustBe(t, err, client.ErrContract)
}

func TestAFoldTellsTheAnswerSoFar(t *testing.T) {
	var fold client.Fold
	for _, event := range events(started("p", "m"), text(0, "half an "), usageUpdate(2)) {
		if err := fold.Add(event); err != nil {
			t.Fatal(err)
		}
	}
	_, err := fold.Answer()
	mustBe(t, err, client.ErrIncomplete)
	mustEqual(t, fold.Partial(), &chatv1.CompleteResponse{
		Message:  client.TextMessage(chatv1.Role_ROLE_ASSISTANT, "half an "),
		Provider: "p", Model: "m", ResponseId: "answer-of-p", Usage: &commonv1.Usage{OutputTokens: 2},
	})
}

func TestFoldTellsThatAnAnswerWasKept(t *testing.T) {
	begin := started("p", "m")
	origin := &chatv1.CacheOrigin{Kind: chatv1.CacheKind_CACHE_KIND_EXACT, Provider: "p"}
	begin.GetStarted().CacheOrigin = origin
	var fold client.Fold
	for _, event := range events(begin, text(0, "a"), completed(stop)) {
		if err := fold.Add(event); err != nil {
			t.Fatal(err)
		}
	}
	answer, err := fold.Answer()
	if err != nil {
		t.Fatal(err)
	}
	mustEqual(t, answer.GetCacheOrigin(), origin)
}
