package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"hedgerow.internal/gen/go/client"
	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
	commonv1 "hedgerow.internal/gen/go/hedgerow/common/v1"
	errorsv1 "hedgerow.internal/gen/go/hedgerow/errors/v1"
)

// failure is a status with details.
func failure(t *testing.T, code codes.Code, message string, details ...protoadapt.MessageV1) error {
	t.Helper()
	st, err := status.New(code, message).WithDetails(details...)
	if err != nil {
		t.Fatal(err)
	}
	return st.Err()
}

func info(reason string, metadata map[string]string) *errdetails.ErrorInfo {
	return &errdetails.ErrorInfo{Reason: reason, Domain: "hedgerow", Metadata: metadata}
}

// failing is a gateway whose calls all fail with err and these trailers.
func failing(err error, trailer metadata.MD) *chatGateway {
	return &chatGateway{
		stream: func(_ *chatv1.StreamCompleteRequest, stream grpc.ServerStreamingServer[chatv1.StreamCompleteResponse]) error {
			stream.SetTrailer(trailer)
			return err
		},
		unary: func(ctx context.Context, _ *chatv1.CompleteRequest) (*chatv1.CompleteResponse, error) {
			if err := grpc.SetTrailer(ctx, trailer); err != nil {
				return nil, err
			}
			return nil, err
		},
	}
}

// eachWay makes a call that fails in each of the ways that there are.
func eachWay(t *testing.T, gateway *chatGateway, claim func(t *testing.T, err error)) {
	t.Helper()
	stub := dialChat(t, gateway)
	t.Run("unary", func(t *testing.T) {
		_, err := stub.Complete(bounded(t), &chatv1.CompleteRequest{})
		claim(t, err)
	})
	t.Run("stub's stream", func(t *testing.T) {
		stream, err := stub.StreamComplete(bounded(t), &chatv1.StreamCompleteRequest{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = stream.Recv()
		claim(t, err)
	})
	t.Run("Stream", func(t *testing.T) {
		_, err := read(bounded(t), stub)
		claim(t, err)
	})
}

func TestAFailedCallIsATypedErrorWithDetailsAndTrailers(t *testing.T) {
	report := &commonv1.CallReport{RequestId: "r-1", Attempts: []*commonv1.Attempt{{Number: 1, Provider: "p"}}}
	raw, err := proto.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	violation := &errdetails.BadRequest_FieldViolation{Field: "chat.temperature", Description: "at most 2"}
	sent := failure(t, codes.InvalidArgument, "chat.temperature is out of range",
		info("ERROR_REASON_REQUEST_INVALID", map[string]string{"field": "chat.temperature"}),
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{violation}})
	eachWay(t, failing(sent, metadata.Pairs("x-request-id", "r-1", "hedgerow-report-bin", string(raw))),
		func(t *testing.T, err error) {
			e := mustBeTyped(t, err)
			if e.Code != codes.InvalidArgument || e.Reason != errorsv1.ErrorReason_ERROR_REASON_REQUEST_INVALID ||
				e.ReasonName != "ERROR_REASON_REQUEST_INVALID" || e.Metadata["field"] != "chat.temperature" ||
				e.Message != "chat.temperature is out of range" || e.RequestID != "r-1" {
				t.Errorf("got %+v", e)
			}
			if len(e.FieldViolations) != 1 {
				t.Fatalf("got the violations %v, want one", e.FieldViolations)
			}
			mustEqual(t, e.FieldViolations[0], violation)
			mustEqual(t, e.Report, report)
			if client.ReasonOf(fmt.Errorf("asking: %w", err)) != errorsv1.ErrorReason_ERROR_REASON_REQUEST_INVALID {
				t.Error("ReasonOf does not find the reason of a wrapped error")
			}
			want := "hedgerow: InvalidArgument: ERROR_REASON_REQUEST_INVALID: chat.temperature is out of range (request r-1)"
			if err.Error() != want {
				t.Errorf("got the line %q, want %q", err, want)
			}
		})
}

func TestATypedErrorIsStillAStatusError(t *testing.T) {
	sent := failure(t, codes.NotFound, "no model fsat", &errdetails.ResourceInfo{ResourceName: "fsat"})
	eachWay(t, failing(sent, nil), func(t *testing.T, err error) {
		for _, e := range []error{err, errors.Unwrap(err)} {
			st, ok := status.FromError(e)
			if !ok || st.Code() != codes.NotFound || st.Message() != "no model fsat" || len(st.Details()) != 1 {
				t.Errorf("status.FromError(%T) gives %v, %v", e, st, ok)
			}
		}
		if got := mustBeTyped(t, err).Resource.GetResourceName(); got != "fsat" {
			t.Errorf("got the resource %q, want fsat", got)
		}
	})
}

func TestDetailsOfPreconditionsAndQuotasAreKept(t *testing.T) {
	rule := &errdetails.PreconditionFailure_Violation{Type: "providers"}
	limit := &errdetails.QuotaFailure_Violation{Subject: "tenant"}
	e := mustBeTyped(t, client.FromError(failure(t, codes.FailedPrecondition, "",
		&errdetails.PreconditionFailure{Violations: []*errdetails.PreconditionFailure_Violation{rule}},
		&errdetails.QuotaFailure{Violations: []*errdetails.QuotaFailure_Violation{limit}}), nil))
	if len(e.PreconditionViolations) != 1 || len(e.QuotaViolations) != 1 {
		t.Fatalf("got %v and %v, want one of each", e.PreconditionViolations, e.QuotaViolations)
	}
	mustEqual(t, e.PreconditionViolations[0], rule)
	mustEqual(t, e.QuotaViolations[0], limit)
}

func TestWhetherAndWhenToRetry(t *testing.T) {
	retryInfo := &errdetails.RetryInfo{RetryDelay: durationpb.New(3 * time.Second)}
	pushback := func(value string) metadata.MD { return metadata.Pairs("grpc-retry-pushback-ms", value) }
	for name, c := range map[string]struct {
		err     error
		trailer metadata.MD
		delay   time.Duration
		retry   bool
	}{
		"UNAVAILABLE":                      {failure(t, codes.Unavailable, ""), nil, 0, true},
		"UNAVAILABLE, with RetryInfo":      {failure(t, codes.Unavailable, "", retryInfo), nil, 3 * time.Second, true},
		"UNAVAILABLE, with pushback":       {failure(t, codes.Unavailable, ""), pushback("1500"), 1500 * time.Millisecond, true},
		"RetryInfo wins over pushback":     {failure(t, codes.Unavailable, "", retryInfo), pushback("1500"), 3 * time.Second, true},
		"UNAVAILABLE, refused":             {failure(t, codes.Unavailable, ""), pushback("-1"), 0, false},
		"UNAVAILABLE, unreadable pushback": {failure(t, codes.Unavailable, ""), pushback("soon"), 0, false},
		"ABORTED, with RetryInfo":          {failure(t, codes.Aborted, "", retryInfo), nil, 3 * time.Second, true},
		"RESOURCE_EXHAUSTED":               {failure(t, codes.ResourceExhausted, ""), nil, 0, false},
		"INVALID_ARGUMENT":                 {failure(t, codes.InvalidArgument, ""), nil, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			e := mustBeTyped(t, client.FromError(c.err, c.trailer))
			if e.RetryDelay != c.delay || e.Retryable() != c.retry {
				t.Errorf("got %v, %v; want %v, %v", e.RetryDelay, e.Retryable(), c.delay, c.retry)
			}
		})
	}
}

func TestAReasonThatIsNewerThanThisModuleKeepsItsName(t *testing.T) {
	e := mustBeTyped(t, client.FromError(failure(t, codes.Unavailable, "", info("ERROR_REASON_FROM_2031", nil)), nil))
	if e.Reason != errorsv1.ErrorReason_ERROR_REASON_UNSPECIFIED || e.ReasonName != "ERROR_REASON_FROM_2031" {
		t.Fatalf("got %v, %q", e.Reason, e.ReasonName)
	}
}

func TestReasonsOfOtherDomainsAreNotTheGateways(t *testing.T) {
	foreign := info("ERROR_REASON_INTERNAL", map[string]string{"a": "b"})
	foreign.Domain = "proxy.example"
	e := mustBeTyped(t, client.FromError(failure(t, codes.Unavailable, "", foreign), nil))
	if e.Reason != errorsv1.ErrorReason_ERROR_REASON_UNSPECIFIED || e.ReasonName != "" || e.Metadata != nil {
		t.Fatalf("got %v, %q, %v", e.Reason, e.ReasonName, e.Metadata)
	}
}

func TestFromErrorLeavesAloneWhatIsNoStatus(t *testing.T) {
	typed := client.FromError(status.Error(codes.Internal, ""), nil)
	for _, err := range []error{nil, io.EOF, context.Canceled, typed, fmt.Errorf("asking: %w", typed)} {
		if got := client.FromError(err, metadata.Pairs("x-request-id", "other")); got != err {
			t.Errorf("FromError(%v) gives %v", err, got)
		}
	}
}

func TestAReportThatCannotBeReadIsNoReport(t *testing.T) {
	if got := client.Report(metadata.Pairs("hedgerow-report-bin", "\xff\xff")); got != nil {
		t.Fatalf("got %v, want nil", got)
	}
}

func TestADeadlineMatchesTheErrorOfItsContext(t *testing.T) {
	waiting := &chatGateway{unary: func(ctx context.Context, _ *chatv1.CompleteRequest) (*chatv1.CompleteResponse, error) {
		<-ctx.Done()
		return nil, status.FromContextError(ctx.Err()).Err()
	}}
	ctx, cancel := context.WithTimeout(bounded(t), 20*time.Millisecond)
	defer cancel()
	_, err := dialChat(t, waiting).Complete(ctx, &chatv1.CompleteRequest{})
	mustBe(t, err, context.DeadlineExceeded)
	if errors.Is(err, context.Canceled) {
		t.Fatal("the error of a deadline matches context.Canceled")
	}
}
