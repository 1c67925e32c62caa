package client

// Limit is a quota or a budget that refused a call, in words for people such as "60 requests" or "0.03 USD".
type Limit struct {
	// Name is the configured name.
	Name string

	// Budget is true for a budget and false for a quota.
	Budget bool

	// Unit is what is counted, such as "requests", "tokens" or "usd".
	Unit string

	// Window is the time for which it counts, such as "minute" or "month". Empty for calls at once.
	Window string

	// Most is the limit itself, Used what the calls before took of it, and Needed what this call would need.
	Most, Used, Needed string
}

// Limit is what refused a call with [ReasonQuotaExceeded] or [ReasonBudgetSpent]; RetryDelay says when there is room again
// where that is known. False for any other error.
func (e *Error) Limit() (Limit, bool) {
	if !e.Is(ReasonQuotaExceeded) && !e.Is(ReasonBudgetSpent) {
		return Limit{}, false
	}
	m := e.Metadata
	name, budget := m["budget"]
	if !budget {
		name = m["quota"]
	}
	return Limit{
		Name: name, Budget: budget, Unit: m["unit"], Window: m["window"],
		Most: m["limit"], Used: m["used"], Needed: m["needed"],
	}, true
}

// Guardrail is a guardrail that ended a call.
type Guardrail struct {
	// Name is the configured name.
	Name string

	// Side is what it looked at: "input" or "output".
	Side string

	// Category is the kind of finding, such as "pii.email"; never the text found. Empty where nothing was found.
	Category string
}

// Guardrail is what ended a call with [ReasonGuardrailBlocked], or could not look at it, with
// [ReasonGuardrailUnavailable]. False for any other error.
func (e *Error) Guardrail() (Guardrail, bool) {
	if !e.Is(ReasonGuardrailBlocked) && !e.Is(ReasonGuardrailUnavailable) {
		return Guardrail{}, false
	}
	m := e.Metadata
	return Guardrail{Name: m["guardrail"], Side: m["side"], Category: m["category"]}, true
}
