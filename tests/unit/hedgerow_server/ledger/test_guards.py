"""What the record of a call tells of guards."""

from hedgerow_server.core.event import GuardVerdict
from hedgerow_server.core.guard import Action, Side
from hedgerow_server.ledger.guards import guard_rows
from hedgerow_server.store.ledger_rows import GuardRow, Judgement
from unit.hedgerow_server.calls import call as new_call


def test_each_guard_that_looked_has_a_row_with_its_time_and_what_it_decided() -> None:
    call = new_call()
    call.guard_times = {"a": 0.5, "b": 0.25}
    call.verdicts = [
        GuardVerdict("a", Action.REDACTED, Side.INPUT, "pii.email", 0.9),
        GuardVerdict("a", Action.BLOCKED, Side.OUTPUT, "words", shadow=True),
    ]
    assert guard_rows(call) == (
        GuardRow(
            "a",
            0.5,
            (Judgement("REDACTED", "INPUT", "pii.email", 0.9), Judgement("BLOCKED", "OUTPUT", "words", shadow=True)),
        ),
        GuardRow("b", 0.25),
    )


def test_a_record_tells_of_32_guards_at_most() -> None:
    call = new_call()
    call.guard_times = {f"g{number}": 0.1 for number in range(40)}
    assert [one.guardrail for one in guard_rows(call)] == [f"g{number}" for number in range(32)]
