"""Row G5: whoever makes vectors for the semantic cache ails. Equal questions are answered from what is kept, all
others by the provider, and none waits longer than it is told to.
"""

import random
import string
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import grpc
from cache.ngrams import Model, serving
from faults.ground import BAD_KEY, Ground, Place, configuration
from faults.registry import HEALTHY, Mode, Seen, Trial, row
from faults.rows_cache import kept
from rpc.caller import Caller, Outcome, connected, eventually, hello
from stack import Process, router

SEMANTIC = {"mode": "semantic", "scope": "tenant", "min_similarity": 0.7}
TIMEOUT_S, SLOW_S = 0.25, 3.0


@dataclass(frozen=True)
class Meaning:
    """A router that looks for similar questions, and the model of its vectors."""

    router: Process
    caller: Caller
    model: Model


@contextmanager
def _meaning(ground: Ground) -> Iterator[Meaning]:
    folder = ground.folder / "semantic"
    folder.mkdir()
    with ExitStack() as exits:
        model = exits.enter_context(serving())
        config: dict[str, Any] = configuration(CASES, {"sim": ground.sim_url})
        for route in config["routes"].values():
            route["cache"] = SEMANTIC
        config["providers"]["ngrams"] = {"dialect": "openai", "base_url": model.url}
        candidate = {"provider": "ngrams", "model": "ngrams"}
        config["routes"]["questions"] = {"kind": "embed", "candidates": [candidate], "max_attempts": 1}
        config["cache"] = {"semantic": {"model": "questions", "timeout_seconds": TIMEOUT_S}}
        running = exits.enter_context(router(folder, config, "semantic", HEDGEROW_TEST_BAD_KEY=BAD_KEY))
        caller = exits.enter_context(connected(running.addresses["grpc"]))
        grpc.channel_ready_future(caller.channel).result(30)
        yield Meaning(running, caller, model)


def ask(place: Place, world: Meaning, text: str) -> Outcome[Any]:
    """Asks it."""
    outcome = place.chat(caller=world.caller, spec={"messages": [hello(text)]})
    assert outcome.code is grpc.StatusCode.OK, outcome.text
    return outcome


def ailing(ail: Callable[[Model], None]) -> Callable[[Place], Seen]:
    """The model ails while questions come, and recovers."""

    def run(place: Place) -> Seen:
        world: Meaning = place.ground.keep("semantic", lambda: _meaning(place.ground))
        outcomes: list[Outcome[Any]] = []
        ail(world.model)
        try:
            one, like_it = _questions()
            for text in (one, like_it, one, like_it):
                since_s = time.monotonic()
                outcomes.append(ask(place, world, text))
                assert time.monotonic() - since_s < SLOW_S, "a question has waited for its vector"
        finally:
            world.model.failing = False
            world.model.open.set()
        found = list(map(kept, outcomes))
        assert found == [False, False, True, True], found

        def again() -> bool:
            pair = [ask(place, world, text) for text in _questions()]
            outcomes.extend(pair)
            return kept(pair[1])

        eventually(again, "similar questions are answered again")
        log = world.router.log.read_text()
        assert "Traceback" not in log
        assert " ERROR " not in log
        return replace(place.audit(*outcomes), attempts="a")

    return run


def _questions() -> tuple[str, str]:
    """Two that ask the same, and that nobody has asked. Without digits, which could be somebody's number."""
    subject = "".join(random.choices(string.ascii_lowercase, k=12))
    return f"How do I sort the words of {subject}?", f"How can I sort the words of {subject}?"


def _fail(model: Model) -> None:
    model.failing = True


def g5(mode: Mode) -> Iterator[Trial]:
    """Whoever makes vectors ails."""
    yield Trial("failing", (HEALTHY,), ailing(_fail))
    yield Trial("frozen", (HEALTHY,), ailing(lambda model: model.open.clear()))


CASES = row("G5", "the model of the semantic cache's vectors ails", g5, alone=True)
