package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	commonv1 "hedgerow.internal/gen/go/hedgerow/common/v1"
	errorsv1 "hedgerow.internal/gen/go/hedgerow/errors/v1"
)

// errorDomain marks the ErrorInfo details that are the gateway's own.
const errorDomain = "hedgerow"

var (
	// ErrIncomplete says that a stream ended with the status OK but without its closing event: what was received is not
	// a whole answer. It wraps [io.ErrUnexpectedEOF].
	ErrIncomplete = fmt.Errorf("hedgerow: the stream ended without a Completed event: %w", io.ErrUnexpectedEOF)

	// ErrContract says that a stream broke a rule of its contract: a gap in the sequence, an event after the closing
	// one, or a delta that does not fit the part that it names. The answer cannot be trusted.
	ErrContract = errors.New("hedgerow: the stream broke its contract")

	// ErrRouteChange says that the gateway announced a change of route of a kind that this version does not know.
	// Newer versions may.
	ErrRouteChange = errors.New("hedgerow: unknown kind of route change")

	// ErrPlaintextToken is the error of [Dial] when it is to send tokens on a connection without TLS.
	ErrPlaintextToken = errors.New("hedgerow: a bearer token would be sent in the clear; see WithPlaintextBearerToken")
)

// Error is a failed call: its status, the gateway's details and its trailers. Get it with [errors.As].
//
// [errors.Is] finds its [Reason], [context.Canceled] for CANCELLED and [context.DeadlineExceeded] for DEADLINE_EXCEEDED,
// wherever the call ended. The status error stays below it: [status.FromError] and [status.Code] work as ever.
type Error struct {
	// Code is the status code.
	Code codes.Code

	// Reason is the gateway's reason. Unspecified when the error is not the gateway's own, such as a connection that
	// failed, and when the reason is newer than this module; see ReasonName.
	Reason errorsv1.ErrorReason

	// ReasonName is the reason as sent, such as "ERROR_REASON_MODEL_NOT_FOUND". Empty when the error is not the
	// gateway's own.
	ReasonName string

	// Message is for people: it may change between releases, unlike Reason.
	Message string

	// Metadata holds the variable parts of the message, such as {"model": "fsat"}.
	Metadata map[string]string

	// FieldViolations are the fields that are wrong, with INVALID_ARGUMENT.
	FieldViolations []*errdetails.BadRequest_FieldViolation

	// PreconditionViolations are the rules that stand in the way, with FAILED_PRECONDITION.
	PreconditionViolations []*errdetails.PreconditionFailure_Violation

	// QuotaViolations are the limits that are exceeded, with RESOURCE_EXHAUSTED.
	QuotaViolations []*errdetails.QuotaFailure_Violation

	// Resource is what was not found, with NOT_FOUND. Nil otherwise.
	Resource *errdetails.ResourceInfo

	// RetryDelay is how long to wait before the call may succeed. 0 when the gateway does not say.
	RetryDelay time.Duration

	// RetryRefused is true when the gateway says not to repeat the call at once: it would fail again.
	RetryRefused bool

	// RequestID finds the call in the gateway's log. Empty when the gateway was not reached.
	RequestID string

	// Report tells what became of the call: attempts, usage, cost. Nil when the gateway sent none.
	Report *commonv1.CallReport

	cause  error
	status *status.Status
}

// FromError turns the error of a call into an [*Error], with the trailers of the call where there are any. It returns
// unchanged what is not the status of a call: nil, [io.EOF], and an error that holds an [*Error] already. Connections of
// [Dial] do this by themselves.
func FromError(err error, trailer metadata.MD) error {
	var known *Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	st, ok := status.FromError(err)
	if !ok {
		return err
	}
	e := &Error{Code: st.Code(), Message: st.Message(), cause: err, status: st}
	for _, detail := range st.Details() {
		e.readDetail(detail)
	}
	e.readTrailer(trailer)
	return e
}

// ReasonOf is the gateway's reason for a failed call: unspecified for nil and for errors that hold no [*Error].
func ReasonOf(err error) errorsv1.ErrorReason {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return errorsv1.ErrorReason_ERROR_REASON_UNSPECIFIED
}

func (e *Error) readDetail(detail any) {
	switch d := detail.(type) {
	case *errdetails.ErrorInfo:
		if d.GetDomain() == errorDomain {
			e.ReasonName, e.Metadata = d.GetReason(), d.GetMetadata()
			e.Reason = errorsv1.ErrorReason(errorsv1.ErrorReason_value[d.GetReason()])
		}
	case *errdetails.BadRequest:
		e.FieldViolations = d.GetFieldViolations()
	case *errdetails.PreconditionFailure:
		e.PreconditionViolations = d.GetViolations()
	case *errdetails.QuotaFailure:
		e.QuotaViolations = d.GetViolations()
	case *errdetails.ResourceInfo:
		e.Resource = d
	case *errdetails.RetryInfo:
		e.RetryDelay = d.GetRetryDelay().AsDuration()
	}
}

func (e *Error) readTrailer(trailer metadata.MD) {
	e.RequestID, e.Report = RequestID(trailer), Report(trailer)
	pushback := trailer.Get(pushbackTrailer)
	if len(pushback) == 0 || e.Code == codes.Canceled || e.Code == codes.DeadlineExceeded {
		return // of a call that ended here while it waited for its second attempt, the trailers are those of the first
	}
	// As gRPC reads it (proposal A6): what is not a number that is at least 0 forbids to try again.
	millis, err := strconv.ParseInt(pushback[0], 10, 32)
	if err != nil || millis < 0 {
		e.RetryRefused = true
	} else if e.RetryDelay == 0 {
		e.RetryDelay = time.Duration(millis) * time.Millisecond
	}
}

// Error is one line: code, reason where there is one, message, and the request id where there is one.
func (e *Error) Error() string {
	var line strings.Builder
	fmt.Fprintf(&line, "hedgerow: %s: ", e.Code)
	if e.ReasonName != "" {
		fmt.Fprintf(&line, "%s: ", e.ReasonName)
	}
	line.WriteString(e.Message)
	if e.RequestID != "" {
		fmt.Fprintf(&line, " (request %s)", e.RequestID)
	}
	return line.String()
}

// Unwrap gives the status error as gRPC made it.
func (e *Error) Unwrap() error { return e.cause }

// GRPCStatus gives the status unchanged to package status.
func (e *Error) GRPCStatus() *status.Status { return e.status }

// Is makes reasons match, and the errors of package context the status codes that stand for them.
func (e *Error) Is(target error) bool {
	if reason, ok := target.(Reason); ok { //nolint:errorlint // this is what errors.Is asks
		return e.Reason == errorsv1.ErrorReason(reason) && e.Reason != errorsv1.ErrorReason_ERROR_REASON_UNSPECIFIED
	}
	return target == context.Canceled && e.Code == codes.Canceled ||
		target == context.DeadlineExceeded && e.Code == codes.DeadlineExceeded
}

// Retryable is true when the same call may succeed later: after RetryDelay where it is set, such as when the window of a
// quota is over, else after a pause of the caller's choice. The connection has then used up its own second attempt.
func (e *Error) Retryable() bool {
	return e.RetryDelay > 0 || e.Code == codes.Unavailable && !e.RetryRefused
}

// Attempts are the requests that the gateway sent to providers for the call, newest first: at whom each failed, and why.
// Empty where none was sent, or the gateway was not reached.
func (e *Error) Attempts() []*commonv1.Attempt { return e.Report.GetAttempts() }
