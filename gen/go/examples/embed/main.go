// Embed ranks texts by how near they are to the first one.
//
// Usage:
//
//	go run ./examples/embed [-target HOST:PORT] [-model NAME] [-tls] [-timeout DURATION] TEXT TEXT…
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"hedgerow.internal/gen/go/client"
	"hedgerow.internal/gen/go/examples/internal/program"
	embedv1 "hedgerow.internal/gen/go/hedgerow/embed/v1"
)

func main() { program.Main("embed-small", "TEXT TEXT…", rank) }

type ranked struct {
	text     string
	nearness float64
}

func rank(ctx context.Context, call program.Call) error {
	// A sequence may come from a file or a database: it is read as fast as the gateway takes it.
	items := func(yield func(*embedv1.StreamEmbedItem) bool) {
		for i, text := range call.Arguments {
			input := &embedv1.EmbedInput{Input: &embedv1.EmbedInput_Text{Text: text}}
			if !yield(&embedv1.StreamEmbedItem{Id: fmt.Sprint("text ", i+1), Input: input}) {
				return
			}
		}
	}
	settings := &embedv1.StreamEmbedOptions{Model: call.Model, Purpose: embedv1.EmbedPurpose_EMBED_PURPOSE_SIMILARITY}
	var vectors [][]float32
	for answer, err := range client.StreamEmbed(ctx, embedv1.NewEmbedServiceClient(call.Conn), settings, items) {
		if err != nil {
			return err
		}
		if err := client.ItemError(answer); err != nil {
			return fmt.Errorf("%s: %w", answer.GetId(), err)
		}
		if vector := answer.GetEmbedding(); vector != nil {
			vectors = append(vectors, vector.GetValues())
		}
	}
	if len(vectors) < 2 {
		return errors.New("give at least two texts")
	}
	var others []ranked
	for i, vector := range vectors[1:] {
		others = append(others, ranked{call.Arguments[i+1], cosine(vectors[0], vector)})
	}
	slices.SortFunc(others, func(a, b ranked) int { return cmp.Compare(b.nearness, a.nearness) })
	for _, other := range others {
		fmt.Printf("%.3f  %s\n", other.nearness, other.text)
	}
	return nil
}

func cosine(a, b []float32) float64 {
	var product, squareA, squareB float64
	for i := range min(len(a), len(b)) {
		x, y := float64(a[i]), float64(b[i])
		product, squareA, squareB = product+x*y, squareA+x*x, squareB+y*y
	}
	return product / math.Sqrt(squareA*squareB)
}
