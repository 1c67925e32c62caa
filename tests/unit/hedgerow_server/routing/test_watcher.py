"""Whoever watches over credentials is told of a refusal once, when no other secret has come, and when it is over."""

import asyncio

from hedgerow_server.core.error import ProviderAuth
from hedgerow_server.core.secret import Secret
from hedgerow_server.routing.state import CandidateState, States

OLD, NEW = Secret("sk-old"), Secret("sk-new")


class Watching:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def refused(self, provider: str, credential: str, reason: str) -> None:
        self.told.append(f"{provider} refuses {credential}: {reason}")

    def accepted(self, provider: str, credential: str) -> None:
        self.told.append(f"{provider} accepts {credential}")


class Held:
    """A credential that has another secret, or has not."""

    name = "main"

    def __init__(self, *, another: bool) -> None:
        self._another = another
        self._secret = OLD

    def current(self) -> Secret:
        return self._secret

    def hold(self, secret: Secret) -> None:
        """Nobody asks."""

    def let_go(self, secret: Secret) -> None:
        """Nobody asks."""

    async def refused(self, secret: Secret) -> bool:
        await asyncio.sleep(0)
        if self._another:
            self._secret = NEW
        return self._another


async def refuse(state: CandidateState, *, another: bool = False) -> None:
    """The provider refuses the secret, and the fetch that follows ends."""
    held = Held(another=another)
    state.refusal.note(held, OLD)
    state.failed(ProviderAuth("refused"), None)
    await state.refusal.overcome(1)
    await asyncio.sleep(0)


def watched() -> tuple[Watching, States, CandidateState]:
    """A candidate and its watcher."""
    watching = Watching()
    states = States(watcher=watching)
    return watching, states, states.of("openai", "main", "gpt-4o", "")


async def test_a_refusal_that_stands_is_told_once() -> None:
    watching, _, state = watched()
    await refuse(state)
    await refuse(state)
    assert watching.told == ["openai refuses main: PROVIDER_AUTH"]


async def test_a_refusal_that_another_secret_overcomes_is_not_told() -> None:
    watching, _, state = watched()
    await refuse(state, another=True)
    assert watching.told == []


async def test_a_success_after_it_ends_it_and_the_next_refusal_is_told_again() -> None:
    watching, _, state = watched()
    await refuse(state)
    state.succeeded(float("inf"))
    await refuse(state)
    assert watching.told == [
        "openai refuses main: PROVIDER_AUTH",
        "openai accepts main",
        "openai refuses main: PROVIDER_AUTH",
    ]


async def test_a_success_that_began_before_it_ends_nothing() -> None:
    watching, _, state = watched()
    await refuse(state)
    state.succeeded(0.0)
    assert len(watching.told) == 1


async def test_another_secret_ends_it() -> None:
    watching, states, state = watched()
    await refuse(state)
    states.renewed("other")
    assert len(watching.told) == 1
    states.renewed("main")
    assert watching.told[1:] == ["openai accepts main"]
