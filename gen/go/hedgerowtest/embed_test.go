package hedgerowtest_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"hedgerow.internal/gen/go/client"
	embedv1 "hedgerow.internal/gen/go/hedgerow/embed/v1"
	"hedgerow.internal/gen/go/hedgerowtest"
)

func inputs(texts ...string) []*embedv1.EmbedInput {
	var all []*embedv1.EmbedInput
	for _, text := range texts {
		all = append(all, &embedv1.EmbedInput{Input: &embedv1.EmbedInput_Text{Text: text}})
	}
	return all
}

func batch(texts ...string) *embedv1.EmbedRequest {
	return &embedv1.EmbedRequest{Embed: &embedv1.EmbedSpec{Model: "embed-small", Inputs: inputs(texts...)}}
}

// streamed are the answers of a stream of these texts, whose ids are the texts, and the error that came last.
func streamed(t *testing.T, server *hedgerowtest.Server, texts ...string) (got []*embedv1.StreamEmbedResponse, last error) {
	t.Helper()
	var items []*embedv1.StreamEmbedItem
	for _, input := range inputs(texts...) {
		items = append(items, &embedv1.StreamEmbedItem{Id: "id of " + input.GetText(), Input: input})
	}
	settings := &embedv1.StreamEmbedOptions{Model: "embed-small"}
	for answer, err := range client.StreamEmbed(bounded(t), server.Embed(), settings, slices.Values(items)) {
		if err != nil {
			last = err
		} else {
			got = append(got, answer)
		}
	}
	return got, last
}

func TestEqualInputsHaveEqualUnitVectors(t *testing.T) {
	server := hedgerowtest.NewServer(t)
	request := batch("hedge", "row", "hedge")
	request.Embed.Dimensions = proto.Int32(16)
	answer, err := server.Embed().Embed(bounded(t), request)
	if err != nil {
		t.Fatal(err)
	}
	a, b, c := answer.GetEmbeddings()[0].GetValues(), answer.GetEmbeddings()[1].GetValues(), answer.GetEmbeddings()[2].GetValues()
	if !slices.Equal(a, c) || slices.Equal(a, b) || len(a) != 16 || answer.GetUsage().GetInputTokens() != 3 {
		t.Fatalf("got %v", answer)
	}
	var square float64
	for _, x := range a {
		square += float64(x) * float64(x)
	}
	if math.Abs(square-1) > 1e-5 {
		t.Fatalf("got a vector of length %v", math.Sqrt(square))
	}
}

func TestAStreamHasTheVectorsOfABatch(t *testing.T) {
	server := hedgerowtest.NewServer(t)
	whole, err := server.Embed().Embed(bounded(t), batch("hedge", "row"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := streamed(t, server, "hedge", "row")
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 4 || got[0].GetStarted() == nil || got[1].GetId() != "id of hedge" ||
		!proto.Equal(got[1].GetEmbedding(), whole.GetEmbeddings()[0]) || !proto.Equal(got[2].GetEmbedding(), whole.GetEmbeddings()[1]) ||
		got[3].GetCompleted().GetEmbeddedItemsCount() != 2 || got[3].GetSequence() != 4 {
		t.Fatalf("got %v", got)
	}
	if request := server.Requests()[1]; len(request.Inputs) != 2 || request.ItemIDs[1] != "id of row" {
		t.Fatalf("got the request %+v", request)
	}
}

func TestVectorsAreScripted(t *testing.T) {
	server := hedgerowtest.NewServer(t)
	server.ScriptEmbed(hedgerowtest.Vectors{Values: [][]float32{{1, 2}}}.Times(2))
	whole, err := server.Embed().Embed(bounded(t), batch("a"))
	if err != nil || !slices.Equal(whole.GetEmbeddings()[0].GetValues(), []float32{1, 2}) {
		t.Errorf("got %v, %v", whole, err)
	}
	got, err := streamed(t, server, "a")
	if err != nil || !slices.Equal(got[1].GetEmbedding().GetValues(), []float32{1, 2}) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestOneBadItemFailsAloneInAStreamAndTheWholeOfABatch(t *testing.T) {
	server := hedgerowtest.NewServer(t)
	bad := map[int]hedgerowtest.Fault{1: {Reason: client.ReasonContentRefused}}
	server.ScriptEmbed(hedgerowtest.Vectors{Failed: bad}.Times(2))
	if _, err := server.Embed().Embed(bounded(t), batch("a", "b")); !errors.Is(err, client.ReasonContentRefused) {
		t.Errorf("got %v", err)
	}
	got, err := streamed(t, server, "a", "b", "", "c")
	if err != nil {
		t.Fatal(err)
	}
	if !errors.Is(client.ItemError(got[2]), client.ReasonContentRefused) || !errors.Is(client.ItemError(got[3]), client.ReasonRequestInvalid) ||
		got[4].GetEmbedding() == nil || got[5].GetCompleted().GetFailedItemsCount() != 2 {
		t.Fatalf("got %v", got)
	}
}

func TestAStreamOfVectorsFailsAfterSomeItems(t *testing.T) {
	server := hedgerowtest.NewServer(t)
	server.ScriptEmbed(hedgerowtest.Fault{Reason: client.ReasonStreamStalled, AfterItems: 1}, hedgerowtest.Fault{Cut: true, AfterItems: 1})
	for _, want := range []error{client.ReasonStreamStalled, client.ErrIncomplete} {
		got, err := streamed(t, server, "a", "b", "c")
		if !errors.Is(err, want) || len(got) != 2 {
			t.Errorf("got %d answers and %v, want Started, a vector and %v", len(got), err, want)
		}
	}
}

func TestAnEmbeddingThatNoGatewayMakesIsRefused(t *testing.T) {
	server := hedgerowtest.NewServer(t, hedgerowtest.WithEmbedModels("embed-small"))
	for field, request := range map[string]*embedv1.EmbedRequest{
		"embed":           {},
		"embed.model":     {Embed: &embedv1.EmbedSpec{Inputs: inputs("a")}},
		"embed.inputs":    batch(),
		"embed.inputs[1]": batch("a", ""),
	} {
		_, err := server.Embed().Embed(bounded(t), request)
		if e := typed(t, err); !errors.Is(err, client.ReasonRequestInvalid) || e.FieldViolations[0].GetField() != field {
			t.Errorf("%s: got %v", field, err)
		}
	}
	stream, err := server.Embed().StreamEmbed(bounded(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); typed(t, err).FieldViolations[0].GetField() != "options" {
		t.Errorf("got %v", err)
	}
}
