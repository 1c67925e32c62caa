"""What guards have decided, as the contract has it."""

from hedgerow.chat.v1 import event_pb2

from hedgerow_server.core.event import GuardVerdict
from hedgerow_server.core.guard import Action, Side
from hedgerow_server.store.ledger_rows import Judgement

_ACTIONS = {one: event_pb2.GuardrailAction.Value(f"GUARDRAIL_ACTION_{one.name}") for one in Action}
_SIDES = {one: event_pb2.GuardrailSide.Value(f"GUARDRAIL_SIDE_{one.name}") for one in Side}


def write_verdict(target: event_pb2.GuardrailVerdict, verdict: GuardVerdict) -> None:
    """Fills a verdict."""
    target.guardrail = verdict.guardrail
    target.action = _ACTIONS[verdict.action]
    target.side = _SIDES[verdict.side]
    target.category = verdict.category
    if verdict.score is not None:
        target.score = verdict.score
    target.shadow = verdict.shadow


def judgement(guardrail: str, one: Judgement) -> event_pb2.GuardrailVerdict:
    """A verdict as the ledger has it."""
    action = event_pb2.GuardrailAction.Value(f"GUARDRAIL_ACTION_{one.action}")
    side = event_pb2.GuardrailSide.Value(f"GUARDRAIL_SIDE_{one.side}")
    return event_pb2.GuardrailVerdict(
        guardrail=guardrail, action=action, side=side, category=one.category, score=one.score, shadow=one.shadow
    )
