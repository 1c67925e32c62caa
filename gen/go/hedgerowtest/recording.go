package hedgerowtest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/encoding/protojson"

	"hedgerow.internal/gen/go/client"
	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
)

// Recording is a stream of a real gateway that is played again. A call for an answer in one piece gets what its events
// fold to. A recording that was cut fails where it ends, with [client.ReasonStreamCut].
type Recording struct {
	// Events are the events as they were sent.
	Events []*chatv1.StreamCompleteResponse

	// FirstDelay and Delay are as in [Answer].
	FirstDelay, Delay time.Duration

	times
}

// ReadRecording reads a recording from a file: what grpcurl prints,
//
//	grpcurl -d '{"chat": …}' HOST:PORT hedgerow.chat.v1.ChatService/StreamComplete > testdata/answer.json
//
// which is one JSON object for each event, on one line or on several; or the events in binary, each after its length as a
// varint. Fields that this version does not know are left out. It fails when the events break the contract, for example
// because some are missing.
func ReadRecording(name string) (Recording, error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return Recording{}, err
	}
	recording, err := ParseRecording(raw)
	if err != nil {
		return Recording{}, fmt.Errorf("%s: %w", name, err)
	}
	return recording, nil
}

// ParseRecording reads a recording from bytes, as [ReadRecording] does.
func ParseRecording(raw []byte) (Recording, error) {
	events, err := jsonEvents(raw)
	if err != nil {
		var binaryErr error
		if events, binaryErr = binaryEvents(raw); binaryErr != nil {
			return Recording{}, fmt.Errorf("neither JSON (%w) nor length-delimited messages (%w)", err, binaryErr)
		}
	}
	if len(events) == 0 {
		return Recording{}, errors.New("there are no events in the recording")
	}
	recording := Recording{Events: events}
	_, err = recording.plan(Request{})
	return recording, err
}

func jsonEvents(raw []byte) ([]*chatv1.StreamCompleteResponse, error) {
	var events []*chatv1.StreamCompleteResponse
	decoder := json.NewDecoder(bytes.NewReader(raw))
	for {
		var object json.RawMessage
		if err := decoder.Decode(&object); errors.Is(err, io.EOF) {
			return events, nil
		} else if err != nil {
			return nil, err
		}
		event := &chatv1.StreamCompleteResponse{}
		if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(object, event); err != nil {
			return nil, err
		}
		events = append(events, event)
	}
}

func binaryEvents(raw []byte) ([]*chatv1.StreamCompleteResponse, error) {
	var events []*chatv1.StreamCompleteResponse
	reader := bufio.NewReader(bytes.NewReader(raw))
	for {
		event := &chatv1.StreamCompleteResponse{}
		if err := protodelim.UnmarshalFrom(reader, event); errors.Is(err, io.EOF) {
			return events, nil
		} else if err != nil {
			return nil, err
		}
		events = append(events, event)
	}
}

func (r Recording) plan(Request) (*plan, error) {
	p := &plan{events: slices.Clone(r.Events), first: r.FirstDelay, each: r.Delay}
	if len(r.Events) == 0 || r.Events[len(r.Events)-1].GetCompleted() == nil {
		p.fault = &Fault{Reason: client.ReasonStreamCut}
	}
	return p, p.check()
}
