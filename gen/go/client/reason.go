package client

import (
	"strings"

	errorsv1 "hedgerow.internal/gen/go/hedgerow/errors/v1"
)

// Reason is a reason of the gateway as a target of [errors.Is], the way [syscall.Errno] is:
//
//	if errors.Is(err, client.ReasonQuotaExceeded) {
//
// What each of them means, with its status code and metadata, is said at the value of [errorsv1.ErrorReason].
type Reason errorsv1.ErrorReason

// The reasons of this version. The set grows.
const (
	ReasonRequestInvalid           = Reason(errorsv1.ErrorReason_ERROR_REASON_REQUEST_INVALID)
	ReasonRequestMalformed         = Reason(errorsv1.ErrorReason_ERROR_REASON_REQUEST_MALFORMED)
	ReasonContextTooLong           = Reason(errorsv1.ErrorReason_ERROR_REASON_CONTEXT_TOO_LONG)
	ReasonProviderRejectedRequest  = Reason(errorsv1.ErrorReason_ERROR_REASON_PROVIDER_REJECTED_REQUEST)
	ReasonResponseTooLarge         = Reason(errorsv1.ErrorReason_ERROR_REASON_RESPONSE_TOO_LARGE)
	ReasonUnauthenticated          = Reason(errorsv1.ErrorReason_ERROR_REASON_UNAUTHENTICATED)
	ReasonForbidden                = Reason(errorsv1.ErrorReason_ERROR_REASON_FORBIDDEN)
	ReasonContentRefused           = Reason(errorsv1.ErrorReason_ERROR_REASON_CONTENT_REFUSED)
	ReasonModelNotFound            = Reason(errorsv1.ErrorReason_ERROR_REASON_MODEL_NOT_FOUND)
	ReasonNoCandidate              = Reason(errorsv1.ErrorReason_ERROR_REASON_NO_CANDIDATE)
	ReasonParameterUnsupported     = Reason(errorsv1.ErrorReason_ERROR_REASON_PARAMETER_UNSUPPORTED)
	ReasonMessageTooLarge          = Reason(errorsv1.ErrorReason_ERROR_REASON_MESSAGE_TOO_LARGE)
	ReasonReaderTooSlow            = Reason(errorsv1.ErrorReason_ERROR_REASON_READER_TOO_SLOW)
	ReasonOverloaded               = Reason(errorsv1.ErrorReason_ERROR_REASON_OVERLOADED)
	ReasonDraining                 = Reason(errorsv1.ErrorReason_ERROR_REASON_DRAINING)
	ReasonProviderThrottled        = Reason(errorsv1.ErrorReason_ERROR_REASON_PROVIDER_THROTTLED)
	ReasonProviderQuotaSpent       = Reason(errorsv1.ErrorReason_ERROR_REASON_PROVIDER_QUOTA_SPENT)
	ReasonProviderUnavailable      = Reason(errorsv1.ErrorReason_ERROR_REASON_PROVIDER_UNAVAILABLE)
	ReasonProviderAuth             = Reason(errorsv1.ErrorReason_ERROR_REASON_PROVIDER_AUTH)
	ReasonProviderModelUnavailable = Reason(errorsv1.ErrorReason_ERROR_REASON_PROVIDER_MODEL_UNAVAILABLE)
	ReasonUpstreamProtocol         = Reason(errorsv1.ErrorReason_ERROR_REASON_UPSTREAM_PROTOCOL)
	ReasonStreamCut                = Reason(errorsv1.ErrorReason_ERROR_REASON_STREAM_CUT)
	ReasonStreamStalled            = Reason(errorsv1.ErrorReason_ERROR_REASON_STREAM_STALLED)
	ReasonFirstTokenTimeout        = Reason(errorsv1.ErrorReason_ERROR_REASON_FIRST_TOKEN_TIMEOUT)
	ReasonCredentialUnavailable    = Reason(errorsv1.ErrorReason_ERROR_REASON_CREDENTIAL_UNAVAILABLE)
	ReasonCancelled                = Reason(errorsv1.ErrorReason_ERROR_REASON_CANCELLED)
	ReasonDeadlineExceeded         = Reason(errorsv1.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED)
	ReasonRPCUnknown               = Reason(errorsv1.ErrorReason_ERROR_REASON_RPC_UNKNOWN)
	ReasonInternal                 = Reason(errorsv1.ErrorReason_ERROR_REASON_INTERNAL)
	ReasonSwitchedOff              = Reason(errorsv1.ErrorReason_ERROR_REASON_SWITCHED_OFF)
	ReasonConfigInvalid            = Reason(errorsv1.ErrorReason_ERROR_REASON_CONFIG_INVALID)
	ReasonIdentityUnavailable      = Reason(errorsv1.ErrorReason_ERROR_REASON_IDENTITY_UNAVAILABLE)
	ReasonKeyNotFound              = Reason(errorsv1.ErrorReason_ERROR_REASON_KEY_NOT_FOUND)
	ReasonKeyEnded                 = Reason(errorsv1.ErrorReason_ERROR_REASON_KEY_ENDED)
	ReasonCredentialNotFound       = Reason(errorsv1.ErrorReason_ERROR_REASON_CREDENTIAL_NOT_FOUND)
	ReasonIdempotencyInFlight      = Reason(errorsv1.ErrorReason_ERROR_REASON_IDEMPOTENCY_IN_FLIGHT)
	ReasonIdempotencyKeyReused     = Reason(errorsv1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED)
	ReasonIdempotencyUnavailable   = Reason(errorsv1.ErrorReason_ERROR_REASON_IDEMPOTENCY_UNAVAILABLE)
	ReasonLedgerUnavailable        = Reason(errorsv1.ErrorReason_ERROR_REASON_LEDGER_UNAVAILABLE)
	ReasonQuotaExceeded            = Reason(errorsv1.ErrorReason_ERROR_REASON_QUOTA_EXCEEDED)
	ReasonBudgetSpent              = Reason(errorsv1.ErrorReason_ERROR_REASON_BUDGET_SPENT)
	ReasonCostUnbounded            = Reason(errorsv1.ErrorReason_ERROR_REASON_COST_UNBOUNDED)
	ReasonPriceUnknown             = Reason(errorsv1.ErrorReason_ERROR_REASON_PRICE_UNKNOWN)
	ReasonCallNotFound             = Reason(errorsv1.ErrorReason_ERROR_REASON_CALL_NOT_FOUND)
	ReasonLimitsUnavailable        = Reason(errorsv1.ErrorReason_ERROR_REASON_LIMITS_UNAVAILABLE)
	ReasonGuardrailBlocked         = Reason(errorsv1.ErrorReason_ERROR_REASON_GUARDRAIL_BLOCKED)
	ReasonGuardrailUnavailable     = Reason(errorsv1.ErrorReason_ERROR_REASON_GUARDRAIL_UNAVAILABLE)
	ReasonConfigNotKept            = Reason(errorsv1.ErrorReason_ERROR_REASON_CONFIG_NOT_KEPT)
)

// Error is the reason in words, such as "model not found".
func (r Reason) Error() string {
	name := strings.TrimPrefix(errorsv1.ErrorReason(r).String(), "ERROR_REASON_")
	return strings.ToLower(strings.ReplaceAll(name, "_", " "))
}
