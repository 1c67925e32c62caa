// Decode asks for facts about a place in the form of a struct, and writes them.
//
// Usage:
//
//	go run ./examples/decode [-target HOST:PORT] [-model NAME] [-tls] [-timeout DURATION] PLACE…
package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"hedgerow.internal/gen/go/client"
	"hedgerow.internal/gen/go/examples/internal/program"
	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
)

// Place is what is asked for.
type Place struct {
	Name       string   `json:"name"`
	Climate    string   `json:"climate" jsonschema:"enum=arctic,enum=temperate,enum=tropical"`
	Country    *string  `json:"country" jsonschema:"The country that it belongs to."`
	Position   Position `json:"position"`
	Neighbours []string `json:"neighbours,omitempty" jsonschema:"Other places within 500 km."`
}

// Position is a place on the globe.
type Position struct {
	Latitude  float64 `json:"latitude" jsonschema:"Degrees, negative in the south."`
	Longitude float64 `json:"longitude" jsonschema:"Degrees, negative in the west."`
}

func main() { program.Main("fast", "PLACE…", decode) }

func decode(ctx context.Context, call program.Call) error {
	question := client.TextMessage(chatv1.Role_ROLE_USER, "Tell me about "+strings.Join(call.Arguments, " ")+".")
	request := &chatv1.CompleteRequest{Chat: &chatv1.ChatSpec{Model: call.Model, Messages: []*chatv1.Message{question}}}

	place, answer, err := client.Decode[Place](ctx, chatv1.NewChatServiceClient(call.Conn), request)
	var output *client.OutputError
	switch {
	case errors.Is(err, client.ErrRefusal):
		return fmt.Errorf("%s would not say: %w", answer.GetModel(), err)
	case errors.As(err, &output):
		return fmt.Errorf("%w\n  it said: %s", err, output.Text)
	case err != nil:
		return err
	}
	country := "no country"
	if place.Country != nil {
		country = *place.Country
	}
	fmt.Printf("%s (%s), %s, at %.1f, %.1f; %d places nearby\n",
		place.Name, country, place.Climate, place.Position.Latitude, place.Position.Longitude, len(place.Neighbours))
	return nil
}
