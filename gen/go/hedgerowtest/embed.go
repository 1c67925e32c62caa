package hedgerowtest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	commonv1 "hedgerow.internal/gen/go/hedgerow/common/v1"
	embedv1 "hedgerow.internal/gen/go/hedgerow/embed/v1"
)

// defaultDimensions is the length of the server's own vectors unless another is asked for.
const defaultDimensions = 8

// Vectors are the answer to one Embed or StreamEmbed call.
type Vectors struct {
	// Values are the vectors of the inputs in their order. Inputs beyond them get the server's own: unit vectors that are
	// equal for equal inputs, and mean nothing.
	Values [][]float32

	// Failed are inputs that fail, by their index. StreamEmbed answers each with its status; Embed fails as a whole.
	Failed map[int]Fault

	// Usage is what the call consumed. Nil: a token for each word or token of the inputs.
	Usage *commonv1.Usage

	// Provider is the configured name of the provider. Empty: "fake".
	Provider string

	// Model is the provider's name of the model. Empty: the name that was asked for.
	Model string

	times
}

func (v *Vectors) of(i int, input *embedv1.EmbedInput, dimensions int32) *embedv1.Embedding {
	if i < len(v.Values) {
		return &embedv1.Embedding{Values: v.Values[i]}
	}
	return ownVector(input, int(cmp.Or(dimensions, defaultDimensions)))
}

// ownVector is a unit vector that only the input decides.
func ownVector(input *embedv1.EmbedInput, dimensions int) *embedv1.Embedding {
	// The text of a message of these kinds has one encoding, so equal inputs have equal bytes.
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(input)
	if err != nil { // it has just been read from bytes
		panic(err)
	}
	values := make([]float32, dimensions)
	var square float64
	for i := range values {
		sum := sha256.Sum256(binary.BigEndian.AppendUint32(slices.Clone(raw), uint32(i)))
		x := float64(binary.BigEndian.Uint32(sum[:4]))/math.MaxUint32*2 - 1
		values[i] = float32(x)
		square += x * x
	}
	length := float32(math.Sqrt(square))
	for i := range values {
		values[i] /= length
	}
	return &embedv1.Embedding{Values: values}
}

type embedService struct {
	embedv1.UnimplementedEmbedServiceServer
	server *Server
}

func (e *embedService) Embed(ctx context.Context, request *embedv1.EmbedRequest) (*embedv1.EmbedResponse, error) {
	s, call, spec := e.server, callOf(ctx), request.GetEmbed()
	noted := call.note(func(r *Request) {
		r.Message, r.Inputs, r.Route, r.Labels = request, spec.GetInputs(), request.GetRoute(), request.GetLabels()
	})
	if refusal := s.refuseEmbed(spec); refusal != nil {
		return nil, refusal.fail(trailers(ctx), noted.ID)
	}
	vectors, fault := s.embedReply()
	if fault != nil {
		return nil, fault.happen(ctx, s, call, trailers(ctx), false)
	}
	answer := &embedv1.EmbedResponse{
		Usage: vectors.Usage, Provider: cmp.Or(vectors.Provider, fakeProvider), Model: cmp.Or(vectors.Model, spec.GetModel()),
	}
	for i, input := range spec.GetInputs() {
		if failed, bad := vectors.Failed[i]; bad {
			return nil, failed.fail(trailers(ctx), noted.ID)
		}
		answer.Embeddings = append(answer.Embeddings, vectors.of(i, input, spec.GetDimensions()))
	}
	if answer.Usage == nil {
		answer.Usage = inputUsage(spec.GetInputs())
	}
	answer.Attempts = []*commonv1.Attempt{{
		Number: 1, Provider: answer.Provider, Model: answer.Model, Kind: commonv1.AttemptKind_ATTEMPT_KIND_PRIMARY,
		Outcome: commonv1.AttemptOutcome_ATTEMPT_OUTCOME_SUCCEEDED, UpstreamStatus: 200, Usage: answer.Usage,
	}}
	trailers(ctx)(reportTrailers(noted.ID, answer.Attempts, answer.Usage, nil))
	return answer, nil
}

// embedReply is what the script has for a call, or vectors of the server's own.
func (s *Server) embedReply() (*Vectors, *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch reply, _ := s.embed.next(""); r := reply.(type) {
	case Vectors:
		return &r, nil
	case Fault:
		return nil, &r
	default:
		return &Vectors{}, nil
	}
}

func (s *Server) refuseEmbed(spec *embedv1.EmbedSpec) *Fault {
	if spec == nil {
		return invalid("embed", "is required")
	}
	if refusal := s.refuseEmbedModel("embed.model", spec.GetModel()); refusal != nil {
		return refusal
	}
	if len(spec.GetInputs()) == 0 {
		return invalid("embed.inputs", "must have at least 1 item")
	}
	for i, input := range spec.GetInputs() {
		if refusal := refuseInput(fmt.Sprintf("embed.inputs[%d]", i), input); refusal != nil {
			return refusal
		}
	}
	return nil
}

func (s *Server) refuseEmbedModel(field, model string) *Fault {
	if model == "" {
		return invalid(field, "is required")
	}
	if s.settings.embedModels != nil && !slices.Contains(s.settings.embedModels, model) {
		return modelNotFound(model)
	}
	return nil
}

func refuseInput(field string, input *embedv1.EmbedInput) *Fault {
	if input.GetText() == "" && len(input.GetTokenIds().GetIds()) == 0 {
		return invalid(field, "must not be empty")
	}
	return nil
}

func inputUsage(inputs []*embedv1.EmbedInput) *commonv1.Usage {
	usage := &commonv1.Usage{Final: true}
	for _, input := range inputs {
		usage.InputTokens += int64(len(strings.Fields(input.GetText())) + len(input.GetTokenIds().GetIds()))
	}
	usage.InputUncachedTokens = usage.InputTokens
	return usage
}

type embedStream = grpc.BidiStreamingServer[embedv1.StreamEmbedRequest, embedv1.StreamEmbedResponse]

func (e *embedService) StreamEmbed(stream embedStream) error {
	s, call := e.server, callOf(stream.Context())
	first, err := stream.Recv()
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	settings := first.GetOptions()
	noted := call.note(func(r *Request) {
		r.Message, r.Route, r.Labels = first, settings.GetRoute(), settings.GetLabels()
	})
	refusal := s.refuseEmbedModel("options.model", settings.GetModel())
	if settings == nil {
		refusal = invalid("options", "must come first")
	}
	if refusal != nil {
		return refusal.fail(stream.SetTrailer, noted.ID)
	}
	vectors, fault := s.embedReply()
	if vectors == nil {
		vectors = &Vectors{}
	}
	answers := embedAnswers{stream: stream, call: call, vectors: vectors, settings: settings}
	for fault == nil || answers.items < fault.AfterItems {
		request, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if request.GetItem() == nil {
			return invalid("item", "is required").fail(stream.SetTrailer, noted.ID)
		}
		if err := answers.answer(request.GetItem()); err != nil {
			return err
		}
	}
	if fault != nil {
		return fault.happen(stream.Context(), s, call, stream.SetTrailer, true)
	}
	return answers.complete(noted.ID)
}

// embedAnswers are the answers of one StreamEmbed call.
type embedAnswers struct {
	stream   embedStream
	call     *call
	vectors  *Vectors
	settings *embedv1.StreamEmbedOptions
	items    int
	failed   int64
	sequence int64
}

func (a *embedAnswers) send(answer *embedv1.StreamEmbedResponse) error {
	a.sequence++
	answer.Sequence = a.sequence
	return a.stream.Send(answer)
}

// start sends Started with the first answer, whatever it is.
func (a *embedAnswers) start() error {
	if a.sequence > 0 {
		return nil
	}
	return a.send(&embedv1.StreamEmbedResponse{Result: &embedv1.StreamEmbedResponse_Started{Started: &embedv1.StreamEmbedStarted{
		Provider: cmp.Or(a.vectors.Provider, fakeProvider), Model: cmp.Or(a.vectors.Model, a.settings.GetModel()),
	}}})
}

func (a *embedAnswers) answer(item *embedv1.StreamEmbedItem) error {
	index := a.items
	a.items++
	a.call.note(func(r *Request) {
		r.Inputs, r.ItemIDs = append(r.Inputs, item.GetInput()), append(r.ItemIDs, item.GetId())
	})
	if err := a.start(); err != nil {
		return err
	}
	refusal := refuseInput("item.input", item.GetInput())
	if failed, bad := a.vectors.Failed[index]; bad {
		refusal = &failed
	}
	answer := &embedv1.StreamEmbedResponse{Id: item.GetId()}
	if refusal == nil {
		vector := a.vectors.of(index, item.GetInput(), a.settings.GetDimensions())
		answer.Result = &embedv1.StreamEmbedResponse_Embedding{Embedding: vector}
		return a.send(answer)
	}
	st, err := refusal.status()
	if err != nil {
		return err
	}
	a.failed++
	answer.Result = &embedv1.StreamEmbedResponse_ItemError{ItemError: st.Proto()}
	return a.send(answer)
}

func (a *embedAnswers) complete(id string) error {
	if err := a.start(); err != nil {
		return err
	}
	usage := a.vectors.Usage
	if usage == nil {
		usage = inputUsage(a.call.note(func(*Request) {}).Inputs)
	}
	a.stream.SetTrailer(reportTrailers(id, nil, usage, nil))
	return a.send(&embedv1.StreamEmbedResponse{Result: &embedv1.StreamEmbedResponse_Completed{
		Completed: &embedv1.StreamEmbedCompleted{
			Usage: usage, EmbeddedItemsCount: int64(a.items) - a.failed, FailedItemsCount: a.failed, AttemptsCount: 1,
		},
	}})
}
