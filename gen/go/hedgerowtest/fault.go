package hedgerowtest

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"hedgerow.internal/gen/go/client"
	commonv1 "hedgerow.internal/gen/go/hedgerow/common/v1"
	errorsv1 "hedgerow.internal/gen/go/hedgerow/errors/v1"
)

// Fault is how a call fails. With a Reason the status has the code, the google.rpc details and the push-back that a
// gateway gives it:
//
//	hedgerowtest.Fault{Reason: client.ReasonProviderThrottled, RetryDelay: 2 * time.Second}
//
// Without one it is a bare status, as from a proxy or a lost connection: UNAVAILABLE unless Code says else. A connection of
// [client.Dial] then tries once more, because nobody tells it not to.
type Fault struct {
	// Reason is the gateway's reason.
	Reason client.Reason

	// Code is the status code. OK: that of the reason.
	Code codes.Code

	// Message is for people. Empty: the reason in words.
	Message string

	// Metadata are the variable parts of the message, such as {"model": "fsat"}. What they name is named in the details as
	// well: "field" in BadRequest, "model" in ResourceInfo, "quota" or "budget" in QuotaFailure.
	Metadata map[string]string

	// RetryDelay is when the call may be tried again. 0: the gateway does not say.
	RetryDelay time.Duration

	// After is what a streamed answer brings before it fails: its events without Completed. An answer in one piece brings
	// nothing. Nil: nothing.
	After *Answer

	// AfterItems is how many items StreamEmbed answers before it fails.
	AfterItems int

	// Delay is how long the failure lets wait, after what comes before it.
	Delay time.Duration

	// Stall makes the call hang instead of failing, until the caller leaves.
	Stall bool

	// Cut ends a stream with the status OK but without Completed, as a bad proxy could. An answer in one piece cannot be
	// cut: it fails.
	Cut bool

	// Attempts are the attempts of the call, oldest first. Nil: none.
	Attempts []*commonv1.Attempt

	times
}

// LimitReached is the refusal of a quota or a budget, which has room again after the delay. 0: nobody knows when.
func LimitReached(limit client.Limit, again time.Duration) Fault {
	reason, kind := client.ReasonQuotaExceeded, "quota"
	if limit.Budget {
		reason, kind = client.ReasonBudgetSpent, "budget"
	}
	return Fault{Reason: reason, RetryDelay: again, Metadata: map[string]string{
		kind: limit.Name, "unit": limit.Unit, "window": limit.Window,
		"limit": limit.Most, "used": limit.Used, "needed": limit.Needed,
	}}
}

// Blocked is the refusal of a guardrail.
func Blocked(guardrail client.Guardrail) Fault {
	return Fault{Reason: client.ReasonGuardrailBlocked, Metadata: map[string]string{
		"guardrail": guardrail.Name, "side": guardrail.Side, "category": guardrail.Category,
	}}
}

// Unavailable is what a gateway says that is overloaded: a connection of [client.Dial] tries once more after the delay.
func Unavailable(again time.Duration) Fault {
	return Fault{Reason: client.ReasonOverloaded, RetryDelay: again}
}

func modelNotFound(model string) *Fault {
	return &Fault{Reason: client.ReasonModelNotFound, Metadata: map[string]string{"model": model}}
}

func invalid(field, why string) *Fault {
	return &Fault{Reason: client.ReasonRequestInvalid, Message: field + " " + why, Metadata: map[string]string{"field": field}}
}

func unauthenticated() *Fault { return &Fault{Reason: client.ReasonUnauthenticated} }

func unimplemented(method string) *Fault {
	method = strings.TrimPrefix(method, "/")
	return &Fault{Reason: client.ReasonRPCUnknown, Metadata: map[string]string{"method": method}}
}

func (f Fault) plan(request Request) (*plan, error) {
	p := &plan{}
	if f.After != nil {
		whole, err := f.After.plan(request)
		if err != nil {
			return nil, err
		}
		p.events = whole.events[:len(whole.events)-1]
		p.first, p.each = whole.first, whole.each
	}
	p.fault = &f
	return p, nil
}

// happen makes the fault happen, after what comes before it: it returns the error of the call.
func (f *Fault) happen(ctx context.Context, s *Server, c *call, setTrailer func(metadata.MD), streamed bool) error {
	if f.Stall {
		return s.hang(ctx)
	}
	if err := s.pause(ctx, f.Delay); err != nil {
		return err
	}
	if f.Cut && streamed {
		return nil
	}
	return f.fail(setTrailer, c.request.ID)
}

// fail sets the trailers of a failed call, and returns its status.
func (f *Fault) fail(setTrailer func(metadata.MD), id string) error {
	st, err := f.status()
	if err != nil {
		return err
	}
	if f.Reason == 0 {
		return st.Err() // it is not from a gateway
	}
	setTrailer(reportTrailers(id, f.Attempts, nil, nil))
	if pushback := f.pushback(); pushback != "" {
		setTrailer(metadata.Pairs("grpc-retry-pushback-ms", pushback))
	}
	return st.Err()
}

// status is the status with its details.
func (f *Fault) status() (*status.Status, error) {
	code := f.code()
	if code == codes.OK {
		return nil, errors.New("hedgerowtest: a fault of no status")
	}
	if f.Reason == 0 {
		return status.New(code, cmp.Or(f.Message, "scripted fault")), nil
	}
	return status.New(code, f.message()).WithDetails(f.details()...)
}

func (f *Fault) message() string { return cmp.Or(f.Message, f.Reason.Error()) }

func (f *Fault) code() codes.Code {
	if f.Code != codes.OK || f.Reason == 0 {
		return cmp.Or(f.Code, codes.Unavailable)
	}
	if code, known := codeOf[f.Reason]; known {
		return code
	}
	return codes.Unavailable // what most reasons are
}

// subject is what the failure is about: its kind and its name.
func (f *Fault) subject() (kind, name string) {
	for _, kind := range []string{"quota", "budget", "guardrail", "credential", "keyId", "call", "model"} {
		if name := f.Metadata[kind]; name != "" {
			return kind, name
		}
	}
	return "", ""
}

func (f *Fault) details() []protoadapt.MessageV1 {
	name := errorsv1.ErrorReason(f.Reason).String()
	details := []protoadapt.MessageV1{&errdetails.ErrorInfo{Reason: name, Domain: "hedgerow", Metadata: f.Metadata}}
	kind, subject := f.subject()
	switch f.code() {
	case codes.InvalidArgument:
		if field := f.Metadata["field"]; field != "" {
			violation := &errdetails.BadRequest_FieldViolation{Field: field, Description: f.message()}
			details = append(details, &errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{violation}})
		}
	case codes.NotFound:
		details = append(details, &errdetails.ResourceInfo{ResourceType: kind, ResourceName: subject, Description: f.message()})
	case codes.FailedPrecondition:
		violation := &errdetails.PreconditionFailure_Violation{
			Type: strings.TrimPrefix(name, "ERROR_REASON_"), Subject: subject, Description: f.message(),
		}
		details = append(details, &errdetails.PreconditionFailure{
			Violations: []*errdetails.PreconditionFailure_Violation{violation},
		})
	case codes.ResourceExhausted:
		violation := &errdetails.QuotaFailure_Violation{Subject: subject, Description: f.message()}
		details = append(details, &errdetails.QuotaFailure{Violations: []*errdetails.QuotaFailure_Violation{violation}})
	}
	if f.RetryDelay > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(f.RetryDelay)})
	}
	return details
}

// pushback is what the gateway says to gRPC's own retry: when to try again where that is worth it, "-1" for not at all,
// and nothing where gRPC would not try again anyway.
func (f *Fault) pushback() string {
	if comesBack[f.Reason] && f.RetryDelay > 0 {
		return strconv.FormatInt(f.RetryDelay.Milliseconds(), 10)
	}
	code := f.code()
	if !comesBack[f.Reason] && (code == codes.Unavailable || code == codes.ResourceExhausted) {
		return "-1"
	}
	return ""
}

// reportTrailers are the trailers of every call of a gateway.
func reportTrailers(id string, attempts []*commonv1.Attempt, usage *commonv1.Usage, cost *int64) metadata.MD {
	report := &commonv1.CallReport{RequestId: id, Usage: usage, CostPicos: cost, ChargedPicos: cost}
	for i := len(attempts) - 1; i >= 0; i-- { // newest first
		report.Attempts = append(report.Attempts, attempts[i])
	}
	raw, err := proto.Marshal(report)
	if err != nil { // text that is not UTF-8, which the response does not get through either
		raw = nil
	}
	return metadata.Pairs("x-request-id", id, "hedgerow-report-bin", string(raw))
}

// comesBack are the reasons for which the gateway lets gRPC try again.
var comesBack = map[client.Reason]bool{
	client.ReasonOverloaded:             true,
	client.ReasonDraining:               true,
	client.ReasonIdentityUnavailable:    true,
	client.ReasonIdempotencyUnavailable: true,
	client.ReasonLedgerUnavailable:      true,
	client.ReasonLimitsUnavailable:      true,
	client.ReasonProviderThrottled:      true,
}

// codeOf are the codes of the reasons that are not UNAVAILABLE.
var codeOf = map[client.Reason]codes.Code{
	client.ReasonRequestInvalid:          codes.InvalidArgument,
	client.ReasonRequestMalformed:        codes.InvalidArgument,
	client.ReasonContextTooLong:          codes.InvalidArgument,
	client.ReasonProviderRejectedRequest: codes.InvalidArgument,
	client.ReasonResponseTooLarge:        codes.InvalidArgument,
	client.ReasonIdempotencyKeyReused:    codes.InvalidArgument,
	client.ReasonUnauthenticated:         codes.Unauthenticated,
	client.ReasonForbidden:               codes.PermissionDenied,
	client.ReasonContentRefused:          codes.PermissionDenied,
	client.ReasonGuardrailBlocked:        codes.PermissionDenied,
	client.ReasonModelNotFound:           codes.NotFound,
	client.ReasonKeyNotFound:             codes.NotFound,
	client.ReasonCredentialNotFound:      codes.NotFound,
	client.ReasonCallNotFound:            codes.NotFound,
	client.ReasonConfigNotKept:           codes.NotFound,
	client.ReasonNoCandidate:             codes.FailedPrecondition,
	client.ReasonParameterUnsupported:    codes.FailedPrecondition,
	client.ReasonConfigInvalid:           codes.FailedPrecondition,
	client.ReasonKeyEnded:                codes.FailedPrecondition,
	client.ReasonCostUnbounded:           codes.FailedPrecondition,
	client.ReasonPriceUnknown:            codes.FailedPrecondition,
	client.ReasonMessageTooLarge:         codes.ResourceExhausted,
	client.ReasonReaderTooSlow:           codes.ResourceExhausted,
	client.ReasonQuotaExceeded:           codes.ResourceExhausted,
	client.ReasonBudgetSpent:             codes.ResourceExhausted,
	client.ReasonIdempotencyInFlight:     codes.Aborted,
	client.ReasonCancelled:               codes.Canceled,
	client.ReasonDeadlineExceeded:        codes.DeadlineExceeded,
	client.ReasonRPCUnknown:              codes.Unimplemented,
	client.ReasonInternal:                codes.Internal,
}
