"""What guards had to do with a call, for its record."""

from hedgerow_server.core.call import Call
from hedgerow_server.store.ledger_rows import GuardRow, Judgement

_MOST = 32
"""Guards that a record tells of."""


def guard_rows(call: Call) -> tuple[GuardRow, ...]:
    """One for each guard that looked at the call, in their order."""
    found: dict[str, list[Judgement]] = {name: [] for name in list(call.guard_times)[:_MOST]}
    for one in call.verdicts:
        if one.guardrail in found:
            judged = Judgement(one.action.name, one.side.name, one.category, one.score, one.shadow)
            found[one.guardrail].append(judged)
    return tuple(GuardRow(name, call.guard_times[name], tuple(verdicts)) for name, verdicts in found.items())
