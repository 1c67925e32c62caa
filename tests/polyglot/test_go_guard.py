"""The example of a guard in Go: built, started, held against the contract and asked by the gateway's own guard."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hedgerow_server.core.guard import Finding
from polyglot.test_go import CLIENT, go, must_succeed
from rpc.guards import RunningGuard, running
from rpc.test_guard_examples import ASKER, conforms, judged
from unit.hedgerow_server.guardrails.guard_server import asking

pytestmark = [pytest.mark.polyglot, pytest.mark.timeout(600)]


@pytest.fixture(scope="module", name="guard")
def guard_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGuard]:
    program: Path = tmp_path_factory.mktemp("guard") / "guardrail"
    must_succeed(go(CLIENT, "build", "-o", str(program), "./examples/guardrail"))
    with running([str(program), "-listen", "127.0.0.1:0", "bouvet", "secret project"]) as found:
        yield found


def test_the_go_example_keeps_to_the_contract(guard: RunningGuard) -> None:
    """Every trial: it tells its health, and counts code points although Go counts bytes."""
    trials = conforms(guard.target, "Is it Bouvet?")
    assert {passed for passed, _ in trials.values()} == {True}


async def test_the_gateway_finds_what_the_go_example_finds(guard: RunningGuard) -> None:
    async with asking(guard.target) as asked:
        found = await asked.judge(judged("𝄞 Bouvet, the Secret Project", "nothing"), ASKER)
    assert found == [
        (Finding(2, 8, "words.listed", "[WORD]", 1.0), Finding(14, 28, "words.listed", "[WORD]", 1.0)),
        (),
    ]
