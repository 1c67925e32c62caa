"""Tokens are obtained again ahead of their end, serve until it, and are replaced when the provider refuses them."""

import pytest
from hedgerow_server.core.error import CredentialUnavailable
from hedgerow_server.core.secret import Secret
from hedgerow_server.credentials.lease import SecretUnavailable
from hedgerow_server.credentials.token import Token, TokenLease

LIFE_S = 3600.0


class World:
    """A source whose every token is another one, and a clock."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.life_s: float | None = LIFE_S
        self.away = False
        self.fresh = True
        self.is_changed = False
        self.obtained = 0
        self.lease = TokenLease("token", self, lambda: self.now_s)

    def obtain(self) -> Token:
        """The next token; the last one again where there is no fresh one."""
        if self.away:
            raise SecretUnavailable("it is away")
        self.obtained += self.fresh
        self.is_changed = False
        return Token(Secret(f"token-{self.obtained}"), self.life_s)

    def changed(self) -> bool:
        """As the test says."""
        return self.is_changed

    @property
    def held(self) -> str:
        """The token in use."""
        return self.lease.current().reveal()


def test_a_young_token_is_kept_and_an_old_one_replaced_ahead_of_its_end() -> None:
    world = World()
    assert [world.lease.refresh(), world.lease.refresh()] == [True, False]
    world.now_s += LIFE_S * 0.5
    assert not world.lease.refresh()
    world.now_s += LIFE_S * 0.17
    assert world.lease.refresh()
    assert world.held == "token-2"


def test_while_the_source_is_away_the_last_token_serves_until_its_end_and_no_longer() -> None:
    world = World()
    world.lease.refresh()
    world.away = True
    world.now_s += LIFE_S - 1
    assert not world.lease.refresh()
    assert (world.held, world.lease.problem, world.lease.ready) == ("token-1", "it is away", True)
    world.now_s += 2
    assert not world.lease.ready
    with pytest.raises(CredentialUnavailable):
        world.lease.current()
    world.away = False
    assert world.lease.refresh()
    assert (world.held, world.lease.problem) == ("token-2", "")


def test_a_source_that_was_away_is_asked_again_at_the_next_refresh() -> None:
    world = World()
    world.away = True
    assert not world.lease.refresh()
    assert not world.lease.ready
    world.away = False
    assert world.lease.refresh()


def test_what_it_is_obtained_with_has_changed_and_so_is_the_token() -> None:
    world = World()
    world.lease.refresh()
    world.is_changed = True
    assert world.lease.refresh()
    assert world.held == "token-2"


def test_keys_without_an_end_are_looked_at_every_minute() -> None:
    world = World()
    world.life_s = None
    world.lease.refresh()
    world.now_s += 59
    assert not world.lease.refresh()
    world.now_s += 2
    assert world.lease.refresh()
    world.now_s += 1e9
    assert world.lease.ready


def test_a_token_that_has_expired_is_not_taken() -> None:
    world = World()
    world.life_s = -1.0
    assert not world.lease.refresh()
    assert (world.lease.ready, world.lease.problem) == (False, "the token that was obtained has expired already")


async def test_a_refused_token_is_replaced_at_once() -> None:
    world = World()
    await world.lease.renew()
    assert await world.lease.refused(world.lease.current())
    assert world.held == "token-2"


async def test_a_source_that_has_no_other_token_is_told_as_such() -> None:
    world = World()
    await world.lease.renew()
    world.fresh = False
    assert not await world.lease.refused(world.lease.current())


async def test_refusals_become_twenty_requests_a_minute_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hedgerow_server.credentials.lease._REFETCH_EVERY_S", 0.0)
    world = World()
    await world.lease.renew()
    for _ in range(30):
        await world.lease.refused(world.lease.current())
    assert world.obtained == 1 + 20
    world.now_s += 61
    assert await world.lease.refused(world.lease.current())
