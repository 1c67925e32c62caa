package polyglot

import (
	"fmt"
	"iter"
	"slices"
	"testing"

	"hedgerow.internal/gen/go/client"
	embedv1 "hedgerow.internal/gen/go/hedgerow/embed/v1"
	errorsv1 "hedgerow.internal/gen/go/hedgerow/errors/v1"
)

const embedModel = "embed-small"

func input(words string) *embedv1.EmbedInput {
	return &embedv1.EmbedInput{Input: &embedv1.EmbedInput_Text{Text: words}}
}

func words(i int) string { return fmt.Sprintf("text number %d", i) }

// vectors embeds texts in one piece.
func vectors(t *testing.T, stub embedv1.EmbedServiceClient, texts ...string) []*embedv1.Embedding {
	t.Helper()
	batch := &embedv1.EmbedSpec{Model: embedModel}
	for _, text := range texts {
		batch.Inputs = append(batch.Inputs, input(text))
	}
	answer, err := stub.Embed(bounded(t), &embedv1.EmbedRequest{Embed: batch})
	if err != nil {
		t.Fatal(err)
	}
	if len(answer.GetEmbeddings()) != len(texts) || answer.GetUsage().GetInputTokens() == 0 {
		t.Fatalf("got %d vectors for %d texts, usage %v", len(answer.GetEmbeddings()), len(texts), answer.GetUsage())
	}
	return answer.GetEmbeddings()
}

func TestABatchIsEmbeddedInItsOrder(t *testing.T) {
	stub := dialEmbed(t)
	got := vectors(t, stub, words(0), words(1), words(2))
	for i, vector := range got {
		alone := vectors(t, stub, words(i))[0]
		if len(vector.GetValues()) == 0 || !slices.Equal(vector.GetValues(), alone.GetValues()) {
			t.Fatalf("the vector of text %d in the batch is not its vector alone", i)
		}
	}
	if slices.Equal(got[0].GetValues(), got[1].GetValues()) {
		t.Fatal("two texts have one vector: the order cannot be told")
	}
}

func TestStreamEmbedAnswersEveryItemInOrder(t *testing.T) {
	const n = 2000
	stub := dialEmbed(t)
	var items iter.Seq[*embedv1.StreamEmbedItem] = func(yield func(*embedv1.StreamEmbedItem) bool) {
		for i := range n {
			if !yield(&embedv1.StreamEmbedItem{Id: words(i), Input: input(words(i))}) {
				return
			}
		}
	}
	var got []*embedv1.Embedding
	var last *embedv1.StreamEmbedResponse
	for answer, err := range client.StreamEmbed(bounded(t), stub, &embedv1.StreamEmbedOptions{Model: embedModel}, items) {
		if err != nil {
			t.Fatal(err)
		}
		if vector := answer.GetEmbedding(); vector != nil {
			if answer.GetId() != words(len(got)) {
				t.Fatalf("got the answer of %q, want that of %q", answer.GetId(), words(len(got)))
			}
			got = append(got, vector)
		}
		last = answer
	}
	if len(got) != n || last.GetCompleted().GetEmbeddedItemsCount() != n || last.GetCompleted().GetFailedItemsCount() != 0 {
		t.Fatalf("got %d vectors of %d, and at last %v", len(got), n, last)
	}
	for _, i := range []int{0, n / 2, n - 1} {
		if !slices.Equal(got[i].GetValues(), vectors(t, stub, words(i))[0].GetValues()) {
			t.Errorf("the vector of item %d is not that of Embed", i)
		}
	}
}

func TestOneBadItemDoesNotEndTheStream(t *testing.T) {
	items := slices.Values([]*embedv1.StreamEmbedItem{
		{Id: "good", Input: input("text")},
		{Id: "bad", Input: input("")},
		{Id: "good again", Input: input("more text")},
	})
	got := map[string]error{}
	for answer, err := range client.StreamEmbed(
		bounded(t), dialEmbed(t), &embedv1.StreamEmbedOptions{Model: embedModel}, items,
	) {
		if err != nil {
			t.Fatal(err)
		}
		if answer.GetId() != "" {
			got[answer.GetId()] = client.ItemError(answer)
		}
	}
	if len(got) != 3 || got["good"] != nil || got["good again"] != nil ||
		client.ReasonOf(got["bad"]) != errorsv1.ErrorReason_ERROR_REASON_REQUEST_INVALID {
		t.Fatalf("got %v, want an error for the bad item alone", got)
	}
}

func TestLeavingStreamEmbedEarlyLeavesTheConnectionUsable(t *testing.T) {
	stub := dialEmbed(t)
	var endless iter.Seq[*embedv1.StreamEmbedItem] = func(yield func(*embedv1.StreamEmbedItem) bool) {
		for i := 0; yield(&embedv1.StreamEmbedItem{Id: words(i), Input: input(words(i))}); i++ {
		}
	}
	seen := 0
	for answer, err := range client.StreamEmbed(bounded(t), stub, &embedv1.StreamEmbedOptions{Model: embedModel}, endless) {
		if err != nil {
			t.Fatal(err)
		}
		if answer.GetEmbedding() != nil {
			seen++
		}
		if seen == 10 {
			break
		}
	}
	vectors(t, stub, "after it")
}
