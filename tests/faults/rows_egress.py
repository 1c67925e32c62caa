"""Row P20: a provider, or DNS in its name, that would send our key elsewhere.

A name whose address changes between check and connection needs a DNS of its own: the unit tests of the transports have
it (test_egress.py).
"""

from collections.abc import Iterator
from dataclasses import replace

from faults.expect import before_the_answer, called, check_told
from faults.ground import Place
from faults.registry import HEALTHY, Candidate, Mode, Seen, Trial, row

DOWN = "PROVIDER_UNAVAILABLE"
BABBLE = "UPSTREAM_PROTOCOL"
METADATA = "http://169.254.169.254/latest/meta-data"
MAPPED = "http://[::ffff:169.254.169.254]/latest/meta-data"
TRANSPORTS = ("thin", "aiohttp", "httpx")


def not_followed(trial: Trial) -> Trial:
    """The same, and nobody came to where the provider sends us."""

    def run(place: Place) -> Seen:
        seen = trial.run(place)
        followed = place.ground.book("elsewhere")["calls"]
        assert not followed, f"a redirect was followed: {followed}"
        return seen

    return replace(trial, run=run)


def redirects(transport: str) -> Iterator[Trial]:
    """30x to another host."""
    for code in (301, 302, 303, 307, 308):
        fault = Candidate(f"sim-redirect-{code}", provider={"transport": transport})
        yield from map(not_followed, before_the_answer(f"{transport}-{code}", fault, BABBLE))


def forbidden(name: str, fault: Candidate) -> Iterator[Trial]:
    """An address that is not allowed: the next candidate; nobody asks there again soon, and the cause is told."""
    yield called(f"{name}-over", (fault, HEALTHY), f"a!{DOWN} b")

    def run(place: Place) -> Seen:
        first = place.chat()
        check_told(place, first, f"a!{DOWN}", f"UNAVAILABLE {DOWN}", "-1")
        assert first.info.metadata["detail"] == "its address is private and not allowed"
        second = place.chat()
        check_told(place, second, "", f"UNAVAILABLE {DOWN}", "-1")
        for outcome in (first, second):
            assert b"169.254" not in outcome.everything
            assert b"127.0.0.1" not in outcome.everything
        assert place.entries() == []
        return place.audit(first, second)

    yield Trial(f"{name}-alone", (fault,), run)


def p20(mode: Mode) -> Iterator[Trial]:
    """Redirects, addresses of this machine, and the metadata service."""
    for transport in TRANSPORTS:
        yield from redirects(transport)
        settings = {"transport": transport, "allow_private_addresses": False}
        for at in ("down", "localhost"):
            yield from forbidden(f"{transport}-{at}", Candidate("gpt-4o-mini", at=at, provider=settings))
        for name, url in (("metadata", METADATA), ("mapped", MAPPED)):
            fault = Candidate("gpt-4o-mini", at="nowhere", provider={"transport": transport, "base_url": url})
            yield from forbidden(f"{transport}-{name}", fault)
        named = Candidate("gpt-4o-mini", at="localhost", provider={"transport": transport})
        yield called(f"{transport}-named", (named, HEALTHY), "a")


CASES = row("P20", "redirects, private addresses, metadata", p20)
