"""Which calls are let in while there are more than can be served."""

from collections.abc import Hashable
from dataclasses import dataclass, field

import pytest
from hedgerow_server.core.error import Overloaded
from hedgerow_server.doors.gate import CAUSES, Gate, host_of
from hedgerow_server.doors.pressure import Pressure

PEER = "ipv4:10.0.0.1:4711"


@dataclass
class Crowd:
    """Calls at a gate."""

    gate: Gate
    held: list[tuple[Hashable, str | None]] = field(default_factory=list)

    def call(self, key: str | None = None, *, retried: bool = False, peer: str = PEER, door: str = "grpc") -> str:
        """Comes, and stays where it is let in; "" or why it is refused."""
        error: Overloaded | None = None
        if door == "grpc" and self.gate.sees():
            error = self.gate.look(key, retried=retried)
        if error is None:
            try:
                self.held.append((self.gate.enter(door, key, peer, retried=retried), key))
            except Overloaded as refused:
                error = refused
        if error is None:
            return ""
        assert error.retry_delay_s is not None
        assert 0.5 <= error.retry_delay_s <= 4
        return next(cause for cause, text in CAUSES.items() if text == error.message)

    def passes(self, key: str | None = None, *, peer: str = PEER, tenant: str | None = None) -> str:
        """Comes and goes."""
        told = self.call(key, peer=peer)
        if not told:
            self.gone(tenant)
        return told

    def gone(self, tenant: str | None = None) -> None:
        """The last one leaves."""
        group, key = self.held.pop()
        self.gate.leave("grpc", group, key, tenant)


def crowd(max_calls: int = 90, memory: float = 0.0) -> Crowd:
    """At a fresh gate."""
    return Crowd(Gate(Pressure(max_calls, 2.0, lambda: memory, shedding=True)))


def known(of: Crowd, **tenants: str) -> None:
    """Each key has been good once."""
    for key, tenant in tenants.items():
        assert of.passes(key, tenant=tenant) == ""


def busy(of: Crowd, ticks: int = 40) -> None:
    """The event loop is late for so long."""
    for _ in range(ticks):
        of.gate.tick(5.0, 0.1)


def test_a_call_too_many_is_refused_and_one_that_comes_after_another_has_gone_is_not() -> None:
    found = crowd(1)
    assert found.call() == ""
    assert found.call(peer="ipv4:10.0.0.2:1") == "calls"
    found.gone()
    assert found.call() == ""


@pytest.mark.parametrize("door", ["grpc", "openai", "anthropic"])
def test_every_door_has_the_limit_and_counts_what_it_refuses(door: str) -> None:
    found = crowd(2)
    told = [found.call(f"key {number}", door=door) for number in range(4)]
    assert told.count("") in (1, 2)
    assert sum(times for (one, _), times in found.gate.refused.items() if one == door) == 4 - told.count("")


def test_tenants_near_the_limit_have_equal_shares_whatever_their_number_of_keys() -> None:
    found = crowd()
    known(found, a="loud", b="loud", c="loud", d="quiet")
    for number in range(300):
        found.call("abc"[number % 3])
    assert 70 <= found.gate.calls <= 74
    assert found.call("a") == "share"
    assert [found.call("d") for _ in range(4)] == [""] * 4


def test_below_it_one_tenant_may_have_nearly_all() -> None:
    found = crowd()
    known(found, a="loud")
    assert [found.call("a") for _ in range(71)] == [""] * 71


def test_keys_that_nobody_knows_have_one_share_together() -> None:
    found = crowd()
    known(found, d="quiet")
    told = {found.call(f"guess {number}") for number in range(300)}
    assert told == {"", "share"}
    assert found.call("d") == ""


def test_callers_without_a_credential_are_told_apart_by_where_they_come_from() -> None:
    found = crowd()
    told = {found.call(peer=f"ipv4:10.0.0.1:{number}") for number in range(300)}
    assert told == {"", "share"}
    assert found.call(peer="ipv4:10.0.0.2:1") == ""


@pytest.mark.parametrize(
    ("peer", "host"),
    [
        ("ipv4:10.0.0.1:4711", "10.0.0.1"),
        ("ipv4:10.0.0.1", "10.0.0.1"),
        ("ipv6:[2001:db8::1]:4711", "[2001:db8::1"),
        ("ipv6:[2001:db8::1]", "[2001:db8::1"),
        ("unix:/run/a.sock", "/run/a.sock"),
    ],
)
def test_where_they_come_from_is_an_address_without_a_port(peer: str, host: str) -> None:
    assert host_of(peer) == host


def test_c_core_writes_addresses_in_its_own_way() -> None:
    assert host_of("ipv6:%5B::1%5D:1") == host_of("ipv6:%5B::1%5D:2")


def test_whoever_was_refused_before_goes_further_than_those_who_come_anew() -> None:
    found = crowd(100)
    told = [found.call(peer=f"ipv4:10.0.0.{number}:1") for number in range(100)]
    assert (told.count(""), told.count("calls")) == (95, 5)
    assert found.call(peer="ipv4:10.0.1.1:1", retried=True) == ""


def test_only_some_credentials_are_remembered() -> None:
    found = crowd()
    for number in range(20_100):
        found.passes(f"key {number}", tenant="acme")
    assert len(found.gate._known) == 20_000


def test_while_the_gateway_is_too_busy_a_part_is_refused() -> None:
    found = crowd(1000)
    known(found, a="one")
    busy(found)
    told = []
    for _ in range(50):
        found.gate.tick(5.0, 0.1)
        told += [found.passes("a", tenant="one") for _ in range(20)]
    later = told[500:]
    assert 0.15 <= later.count("delay") / len(later) <= 0.35, "no more than pays"


def test_then_the_noisy_are_refused_and_not_the_quiet() -> None:
    found = crowd(1000)
    known(found, a="noisy", b="quiet")
    busy(found)
    noisy: list[str] = []
    quiet: list[str] = []
    for _ in range(60):
        found.gate.tick(5.0, 0.1)
        for number in range(51):
            (quiet if number == 50 else noisy).append(found.passes("b" if number == 50 else "a"))
    assert noisy[1500:].count("delay") / len(noisy[1500:]) > 0.8
    assert set(quiet[20:]) == {""}


def test_once_it_is_not_nobody_is() -> None:
    found = crowd(1000)
    busy(found)
    for _ in range(30):
        found.gate.tick(0.0, 0.1)
    assert found.gate.grade == 0
    assert {found.passes() for _ in range(500)} == {""}


def test_for_want_of_memory_fewer_are_let_in_and_told_so() -> None:
    found = crowd(1000, memory=0.99)
    for _ in range(5):
        found.gate.tick(0.0, 0.1)
    told = [found.call(peer=f"ipv4:10.0.0.{number}:1") for number in range(20)]
    assert (told.count(""), told.count("memory")) == (8, 12)


@pytest.mark.parametrize(("calls", "grade"), [(0, 0), (79, 0), (80, 1), (100, 3)])
def test_the_grade_says_how_full_it_is(calls: int, grade: int) -> None:
    found = crowd(100)
    for number in range(calls):
        found.call(peer=f"ipv4:10.0.0.{number}:1", retried=True)
    assert found.gate.grade == grade


def test_the_grade_says_that_calls_are_refused() -> None:
    found = crowd(100)
    busy(found, 12)
    assert found.gate.grade == 2
    busy(found)
    assert found.gate.grade == 3
