"""Look-ups by the hundred thousand: none crosses a scope."""

import random

import msgspec
import pytest
from cache.names import name
from cache.world import World, spec
from hedgerow_server.caching.kept import Kept
from hedgerow_server.caching.key import Scope, Terms, chat_asked, owner_of, scope_of
from hedgerow_server.core.call import Principal
from hedgerow_server.core.request import NO_POLICY

_SCOPES: tuple[Scope, ...] = ("tenant", "user", "session")
_TERMS = Terms(model="fast")
_WRITES = 2_000


class Caller:
    """Somebody, with a conversation, by the dice."""

    def __init__(self, dice: random.Random) -> None:
        self.who = Principal(name(dice), name(dice), name(dice), service=name(dice), key_id=name(dice))
        self.session = name(dice)

    def belongs(self, scope: Scope) -> tuple[str, ...]:
        """What may share answers with him: whoever is the same here."""
        who = self.who
        if scope == "tenant":
            return (who.tenant,)
        if scope == "user":
            return who.tenant, who.user
        key_id = "" if who.user or who.service else who.key_id
        return who.tenant, who.team, who.service, who.user, key_id, self.session


@pytest.mark.timeout(1200)
async def test_no_look_up_crosses_a_scope(request: pytest.FixtureRequest) -> None:
    """50,000 of them; with --long a million. The questions are few, so that nearly each was asked by others."""
    count = 1_000_000 if request.config.getoption("--long") else 50_000
    seed = random.SystemRandom().randrange(1 << 32)
    dice = random.Random(seed)
    shelf = World().shelf
    questions = [spec(text) for text in ("hi", "ho", "")]
    callers = [Caller(dice) for _ in range(_WRITES)]
    owners: dict[bytes, tuple[str, ...]] = {}
    writes = [(caller, scope, question) for caller in callers for scope in _SCOPES for question in questions]
    for caller, scope, question in writes:
        bytes_ = scope_of(scope, caller.who, caller.session)
        if bytes_ is None:
            continue
        asked = chat_asked(bytes_, question, NO_POLICY, _TERMS)
        slot = shelf.slot(asked)
        assert slot is not None
        told = repr((scope, caller.belongs(scope), question.messages)).encode()
        kept = Kept(made_unix_s=0, until_unix_s=1e12, provider="a", model="m", events=told)
        shelf.keep([(asked, slot, kept)], owner_of(caller.who))
        owners[slot] = caller.belongs(scope)
    # What is asked is the same whoever asks.
    known = {one.messages: chat_asked(b"", one, NO_POLICY, _TERMS) for one in questions}
    hits = crossed = 0
    for _ in range(count):
        # Half of them have written; the others share a tenant or a user with somebody now and then.
        caller = dice.choice(callers) if dice.random() < 0.5 else Caller(dice)
        scope, question = dice.choice(_SCOPES), dice.choice(questions)
        bytes_ = scope_of(scope, caller.who, caller.session)
        if bytes_ is None:
            continue
        asked = msgspec.structs.replace(known[question.messages], scope=bytes_)
        slot = shelf.slot(asked)
        assert slot is not None
        (found,) = await shelf.find([asked], [slot])
        if found is not None:
            hits += 1
            crossed += found.events != repr((scope, caller.belongs(scope), question.messages)).encode()
    assert crossed == 0, f"seed {seed}"
    assert hits > count / 5, f"seed {seed}: the test has looked at too few answers"
    assert sum(shelf.counts.alarms.values()) == 0
