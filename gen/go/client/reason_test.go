package client_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/durationpb"

	"hedgerow.internal/gen/go/client"
	commonv1 "hedgerow.internal/gen/go/hedgerow/common/v1"
	errorsv1 "hedgerow.internal/gen/go/hedgerow/errors/v1"
	"hedgerow.internal/gen/go/hedgerowtest"
)

func TestErrorsIsFindsTheReasonAndNoOther(t *testing.T) {
	sent := failure(t, codes.NotFound, "", info("ERROR_REASON_MODEL_NOT_FOUND", nil))
	err := fmt.Errorf("asking: %w", client.FromError(sent, nil))
	for number := range errorsv1.ErrorReason_name {
		reason := client.Reason(number)
		if got, want := errors.Is(err, reason), reason == client.ReasonModelNotFound; got != want {
			t.Errorf("errors.Is(err, %v) is %v", reason, got)
		}
	}
}

// TestEveryReasonOfTheContractHasAConstant reads them from the source, where alone they have names.
func TestEveryReasonOfTheContractHasAConstant(t *testing.T) {
	source, err := os.ReadFile("reason.go")
	if err != nil {
		t.Fatal(err)
	}
	for number, name := range errorsv1.ErrorReason_name {
		if number != 0 && !strings.Contains(string(source), "= Reason(errorsv1.ErrorReason_"+name+")\n") {
			t.Errorf("there is no constant for %s", name)
		}
	}
}

func TestNoReasonMatchesNoReason(t *testing.T) {
	if err := client.FromError(failure(t, codes.Unavailable, ""), nil); errors.Is(err, client.Reason(0)) {
		t.Fatal("an error without a reason matches the reason 0")
	}
}

func TestWhatTheGatewayKeepsFromGRPCMayStillBeWorthALaterCall(t *testing.T) {
	sent := failure(t, codes.ResourceExhausted, "", info("ERROR_REASON_QUOTA_EXCEEDED", nil),
		&errdetails.RetryInfo{RetryDelay: durationpb.New(30 * time.Second)})
	e := mustBeTyped(t, client.FromError(sent, metadata.Pairs("grpc-retry-pushback-ms", "-1")))
	if !e.Retryable() || !e.RetryRefused || e.RetryDelay != 30*time.Second {
		t.Fatalf("got %v, %v, %v", e.Retryable(), e.RetryRefused, e.RetryDelay)
	}
}

func TestADeadlineThatPassesBeforeTheSecondAttemptIsNoReasonToComeBack(t *testing.T) {
	server := scripted(t, hedgerowtest.Unavailable(patience))
	ctx, cancel := context.WithTimeout(bounded(t), 50*time.Millisecond)
	defer cancel()
	_, err := server.Chat().Complete(ctx, question())
	if e := mustBeTyped(t, err); e.Code != codes.DeadlineExceeded || e.Retryable() || e.RetryDelay != 0 {
		t.Fatalf("got %v, retryable %v in %v", e, e.Retryable(), e.RetryDelay)
	}
}

func TestALimitIsToldInItsWords(t *testing.T) {
	for _, want := range []client.Limit{
		{Name: "per-user", Unit: "requests", Window: "minute", Most: "60 requests", Used: "60 requests", Needed: "1 requests"},
		{Name: "team", Budget: true, Unit: "usd", Window: "month", Most: "100 USD", Used: "99.98 USD", Needed: "0.03 USD"},
	} {
		server := scripted(t, hedgerowtest.LimitReached(want, time.Minute))
		_, err := server.Chat().Complete(bounded(t), question())
		e := mustBeTyped(t, err)
		if got, ok := e.Limit(); !ok || got != want || e.RetryDelay != time.Minute || len(e.QuotaViolations) != 1 {
			t.Errorf("got %+v, %v of %v", got, ok, e)
		}
	}
}

func TestAGuardrailIsNamed(t *testing.T) {
	want := client.Guardrail{Name: "injection", Side: "input", Category: "injection.direct"}
	_, err := scripted(t, hedgerowtest.Blocked(want)).Chat().Complete(bounded(t), question())
	if got, ok := mustBeTyped(t, err).Guardrail(); !ok || got != want {
		t.Fatalf("got %+v, %v", got, ok)
	}
}

func TestOtherErrorsHaveNoLimitAndNoGuardrail(t *testing.T) {
	e := mustBeTyped(t, client.FromError(failure(t, codes.NotFound, "", info("ERROR_REASON_MODEL_NOT_FOUND", nil)), nil))
	if _, limited := e.Limit(); limited {
		t.Error("there is a limit")
	}
	if _, guarded := e.Guardrail(); guarded {
		t.Error("there is a guardrail")
	}
}

func TestTheAttemptsOfAFailedCallAreThere(t *testing.T) {
	server := scripted(t, hedgerowtest.Fault{Reason: client.ReasonProviderUnavailable, Attempts: []*commonv1.Attempt{
		{Number: 1, Provider: "first"}, {Number: 2, Provider: "second"},
	}})
	_, err := server.Chat().Complete(bounded(t), question())
	attempts := mustBeTyped(t, err).Attempts()
	if len(attempts) != 2 || attempts[0].GetProvider() != "second" {
		t.Fatalf("got %v, want the newest first", attempts)
	}
}
