"""How a call goes, chosen by the model's name: names with `sim-` ask for a fault or a pace.

A behaviour is a function from a turn to a script; a new one is a function and a line in a module of ``faults``.
"""

from collections.abc import Iterator

from hedgerow_sim.faults import breaks, choices, encodings, failover_bench, framing, refusals, streams, usage, vectors
from hedgerow_sim.grammar import Catalogue, Fault
from hedgerow_sim.turn import answer


def faults() -> tuple[Fault, ...]:
    """All of them, in the order of `--help`."""
    modules = (choices, refusals, breaks, streams, usage, encodings, framing, vectors)
    others = tuple(fault for module in modules for fault in module.faults())
    return (*others, *failover_bench.faults(others))


def catalogue() -> Catalogue:
    """Finds the behaviour that a model's name asks for."""
    return Catalogue(faults(), answer)


def described() -> Iterator[tuple[str, str]]:
    """Each name, or grammar of names, with a line about what it does."""
    for fault in faults():
        yield f"sim-{fault.grammar}{'[.…]' if fault.wraps else ''}", fault.line
