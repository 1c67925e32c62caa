package hedgerowtest_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/encoding/protojson"

	"hedgerow.internal/gen/go/client"
	"hedgerow.internal/gen/go/hedgerowtest"
)

const island = "testdata/island.json" // as grpcurl printed it

func TestARecordingIsPlayedAsItWasRecorded(t *testing.T) {
	recording, err := hedgerowtest.ReadRecording(island)
	if err != nil {
		t.Fatal(err)
	}
	server := scripted(t, recording.Times(2))
	got, err := events(t, server)
	if err != nil || len(got) != len(recording.Events) {
		t.Fatalf("got %d events and %v, want %d", len(got), err, len(recording.Events))
	}
	for i, event := range recording.Events {
		if protojson.Format(got[i]) != protojson.Format(event) {
			t.Errorf("event %d: got %v, want %v", i, got[i], event)
		}
	}
	answer, err := server.Chat().Complete(bounded(t), ask("Where?"))
	if err != nil || client.Text(answer.GetMessage()) != "In the Southern Ocean." || answer.GetProvider() != "sim" {
		t.Errorf("got %v, %v in one piece", answer, err)
	}
}

func TestARecordingMayBeLinesOrLengthDelimited(t *testing.T) {
	recording, err := hedgerowtest.ReadRecording(island)
	if err != nil {
		t.Fatal(err)
	}
	// The length of an event may be that of "{": with an answer of each length one of them is.
	for n := range 130 {
		recording.Events[1].GetTextDelta().Text = strings.Repeat("x", n)
		var lines, delimited bytes.Buffer
		for _, event := range recording.Events {
			line, err := protojson.Marshal(event)
			if err != nil {
				t.Fatal(err)
			}
			lines.Write(append(line, '\n'))
			if _, err := protodelim.MarshalTo(&delimited, event); err != nil {
				t.Fatal(err)
			}
		}
		for name, raw := range map[string][]byte{"lines": lines.Bytes(), "delimited": delimited.Bytes()} {
			got, err := hedgerowtest.ParseRecording(raw)
			if err != nil || len(got.Events) != len(recording.Events) {
				t.Fatalf("%s: got %d events and %v, want %d", name, len(got.Events), err, len(recording.Events))
			}
		}
	}
}

func TestARecordingThatWasCutFailsWhereItEnds(t *testing.T) {
	recording, err := hedgerowtest.ReadRecording(island)
	if err != nil {
		t.Fatal(err)
	}
	recording.Events = recording.Events[:3]
	got, err := events(t, scripted(t, recording))
	if !errors.Is(err, client.ReasonStreamCut) || len(got) != 3 {
		t.Fatalf("got %d events and %v", len(got), err)
	}
}

func TestWhatIsNoRecordingIsAnError(t *testing.T) {
	whole, err := os.ReadFile(island)
	if err != nil {
		t.Fatal(err)
	}
	gap := strings.Replace(string(whole), `"sequence": "2"`, `"sequence": "3"`, 1)
	for want, content := range map[string]string{
		"there are no events":           "",
		"neither JSON":                  "ERROR:\n  Code: NotFound\n",
		"message 3 follows message 1":   gap,
		"the first event is not Starte": string(whole[strings.Index(string(whole), "\n{\n"):]),
	} {
		path := filepath.Join(t.TempDir(), "recording")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := hedgerowtest.ReadRecording(path); err == nil || !strings.Contains(err.Error(), want) ||
			!strings.HasPrefix(err.Error(), path) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
