"""Rows P25 and P26: providers that are all down, and one that comes and goes, under load.

Here they are short; test_amplification.py and test_flapping.py go on for longer with `--long`.
"""

from collections.abc import Iterator

import grpc
from faults.ground import Place
from faults.outage import Load, load
from faults.registry import HEALTHY, Candidate, Mode, Seen, Trial, row

PER_SECOND, SECONDS = 100.0, 4.0
FLAPPING_PER_SECOND, FLAPPING_S = 40.0, 6.5
MOST_AMPLIFICATION, MOST_ATTEMPTS = 1.2, 3
REFUSED_WITHIN_S = 0.05
BUSY_MACHINE = 20
"""How much longer a refusal may take where tests of many kinds share two cores."""
LEAST_GOODPUT = 0.95


def check_outage(place: Place, found: Load) -> Seen:
    """Few attempts a call, and quick refusals that say when to come back."""
    assert found.rate >= 0.9 * PER_SECOND, f"only {found.rate:.0f} calls a second were made"
    assert found.amplification <= MOST_AMPLIFICATION, f"{found.amplification:.3f} attempts a call"
    assert max(found.attempts) <= MOST_ATTEMPTS
    assert {one.code for one in found.outcomes} == {grpc.StatusCode.UNAVAILABLE}
    p99_s = found.refusals_p99_s()
    assert p99_s <= REFUSED_WITHIN_S * BUSY_MACHINE, f"refusals took {p99_s * 1000:.0f} ms"
    refused = [one for one, count in zip(found.outcomes, found.attempts, strict=True) if not count]
    assert all(one.pushback_ms is not None for one in refused)
    asked = sum(len(place.ground.book(name)["calls"]) for name in place.names)
    assert asked == sum(found.attempts), (asked, sum(found.attempts))
    note = (
        f"{len(found.outcomes)} calls at {found.rate:.0f}/s, {found.amplification:.3f} attempts a call, at most "
        f"{max(found.attempts)}; refusals p99 {p99_s * 1000:.1f} ms (goal {REFUSED_WITHIN_S * 1000:.0f})"
    )
    return Seen("UNAVAILABLE PROVIDER_UNAVAILABLE", "a!… b!… c!… · none", note=note)


def outage(place: Place) -> Seen:
    """All candidates are down."""
    return check_outage(place, load(place, per_second=PER_SECOND, seconds=SECONDS))


def p25(mode: Mode) -> Iterator[Trial]:
    """A full outage."""
    yield Trial("outage", tuple(Candidate(f"sim-{status}") for status in ("503", "500", "502")), outage)


def check_flapping(place: Place, found: Load) -> Seen:
    """Nearly all calls are answered."""
    assert found.goodput >= LEAST_GOODPUT, f"{found.goodput:.3f}"
    hit = sum(count > 1 for count in found.attempts)
    note = f"goodput {found.goodput:.4f} of {len(found.outcomes)} calls, {hit} of them met a failure"
    seen = place.audit(*found.outcomes)
    return Seen("OK", "a · b · a!… b", seen.booked, seen.recorded, seen.estimated, note)


def flapping(place: Place) -> Seen:
    """The first candidate fails now and then; its peer is healthy."""
    return check_flapping(place, load(place, per_second=FLAPPING_PER_SECOND, seconds=FLAPPING_S))


FLAPPING = {"flap": Candidate("sim-flap-2000-2000"), "errors": Candidate("sim-errors-30")}


def p26(mode: Mode) -> Iterator[Trial]:
    """Up and down, or errors at random."""
    for name, fault in FLAPPING.items():
        yield Trial(name, (fault, HEALTHY), flapping)


EXTRA = [
    *row("P25L", "all providers down, for longer", p25),
    *row("P26L", "flapping for longer", p26),
]
CASES = [
    *row("P25", "all providers down", p25, alone=True),
    *row("P26", "flapping; 30 % errors", p26),
]
