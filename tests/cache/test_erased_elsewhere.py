"""A user is erased at one router: no other one that shares its store answers from what it has kept of him in memory,
nor does another worker of it.
"""

import os
import signal
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from cache import ngrams
from cache.routed import Asker, origin
from cache.test_semantic_router import LIKE_IT, ONE, configuration
from hedgerow.chat.v1 import event_pb2
from hedgerow.common.v1.policy_pb2 import CACHE_MODE_READ_ONLY
from rpc.access import Guarded, bearer, guarded, known_key
from rpc.caller import COMPLETE, Caller, eventually
from rpc.crowd import crowd
from stack import KEY, Process, Stack, router

ROUTE, QUESTION = "for-all", "What is the tallest mountain of the whole world?"


class Together:
    """A router, and another one of two workers on the same store. Whoever asks is of a tenant of his own."""

    def __init__(self, stack: Stack, one: Guarded, two: Guarded, workers: list[Caller]) -> None:
        self.one, self.two, self.workers = one, two, workers
        self._stack = stack

    def start(self) -> "Person":
        """Somebody whose answers all of them have kept."""
        return Person(self, self._stack)


class Person:
    """Asks as one user, and looks for the answers as another one of the same tenant."""

    def __init__(self, routers: Together, stack: Stack) -> None:
        self.tenant, self.doors = f"t-{uuid.uuid4().hex}", [routers.one.caller, *routers.workers]
        self._stack = stack
        both = (routers.one, routers.two)
        self._tokens = {user: known_key(both, tenant=self.tenant, user=user) for user in ("ann", "ben")}
        for door in self.doors:
            for text in (ONE, QUESTION):
                self._asker(door, "ann").ask(COMPLETE, text, ROUTE)
        assert self.kept == [(True, True)] * len(self.doors)

    @property
    def kept(self) -> list[tuple[bool, bool]]:
        """Of each router and worker: whether it answers an equal question, and one like it."""
        return [(self._finds(door, QUESTION, "EXACT"), self._finds(door, LIKE_IT, "SEMANTIC")) for door in self.doors]

    def _finds(self, door: Caller, text: str, kind: str) -> bool:
        found = origin(COMPLETE, self._asker(door, "ben").ask(COMPLETE, text, ROUTE, cache=CACHE_MODE_READ_ONLY))
        return found is not None and found.kind == event_pb2.CacheKind.Value(f"CACHE_KIND_{kind}")

    def _asker(self, door: Caller, user: str) -> Asker:
        return Asker(door, self._stack.sim_url, tuple(bearer(self._tokens[user])))


@pytest.fixture(scope="module")
def routers(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Together]:
    """They keep answers in memory."""
    folder = tmp_path_factory.mktemp("erased")
    with ExitStack() as exits:
        model = exits.enter_context(ngrams.serving())
        names = iter(("one", "two"))

        @contextmanager
        def start(*, server: Any = None, environment: dict[str, str], **sections: Any) -> Iterator[Process]:
            config = configuration(stack, model, **sections)
            config["server"] |= server or {}
            config["credentials"]["sim"] = {"source": "env", "variable": "HEDGEROW_TEST_KEY"}
            with router(folder, config, next(names), HEDGEROW_TEST_KEY=KEY, **environment) as running:
                yield running

        def one(**server: int) -> Guarded:
            return exits.enter_context(guarded(start, Path(folder) / "a.db", [], roles={"app": {}}, server=server))

        single, several = one(), one(workers=2)
        workers = exits.enter_context(crowd(several.router, 1)).callers
        yield Together(stack, single, several, workers)


def test_all_workers_have_forgotten_once_the_erasure_has_answered(routers: Together) -> None:
    ann = routers.start()
    told = routers.two.admin.erase_user(ann.tenant, "ann").erased_counts
    assert ann.kept[1:] == [(False, False)] * len(routers.workers)
    assert (told["cached_answers"], told["cached_questions"]) == (4, 4)


@pytest.mark.parametrize("at_one", [True, False])
def test_other_routers_on_the_store_forget_as_they_refuse_a_revoked_key(routers: Together, *, at_one: bool) -> None:
    ann, other = routers.start(), routers.start()
    (routers.one if at_one else routers.two).admin.erase_user(ann.tenant, "ann")
    eventually(lambda: ann.kept == [(False, False)] * len(ann.doors), "nobody answers from what was kept of her")
    assert other.kept == [(True, True)] * len(other.doors)


def test_a_router_that_stood_still_meanwhile_forgets_once_it_goes_on(routers: Together) -> None:
    ann = routers.start()
    os.kill(routers.one.router.popen.pid, signal.SIGSTOP)
    try:
        routers.two.admin.erase_user(ann.tenant, "ann")
    finally:
        os.kill(routers.one.router.popen.pid, signal.SIGCONT)
    eventually(lambda: ann.kept[0] == (False, False), "it has heard of it")
