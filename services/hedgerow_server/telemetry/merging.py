"""The numbers of several processes as those of one. Knows no library: the supervisor adds up with it what workers that
have ended had counted.
"""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from hedgerow_server.core.slices import Work, at_once

_COUNTED = frozenset({"counter", "histogram", "summary", "gaugehistogram"})
_SLICE = 64

HIGHEST: Callable[[Iterable[float]], float] = max
LOWEST: Callable[[Iterable[float]], float] = min
SUM: Callable[[Iterable[float]], float] = sum

GAUGES: dict[str, Callable[[Iterable[float]], float]] = {
    "hedgerow_attempts_running": SUM,
    "hedgerow_breaker_state": HIGHEST,
    "hedgerow_budget_limit_dollars": HIGHEST,
    "hedgerow_budget_spent_dollars": HIGHEST,
    "hedgerow_budget_used_ratio": HIGHEST,
    "hedgerow_build_info": HIGHEST,
    "hedgerow_cache_bytes": SUM,
    "hedgerow_cache_entries": SUM,
    "hedgerow_cache_up": LOWEST,
    "hedgerow_candidate_resting": HIGHEST,
    "hedgerow_config_info": HIGHEST,
    "hedgerow_config_last_reload_successful": LOWEST,
    "hedgerow_config_loaded_timestamp_seconds": HIGHEST,
    "hedgerow_config_rolled_back": HIGHEST,
    "hedgerow_credential_age_seconds": HIGHEST,
    "hedgerow_credential_ready": LOWEST,
    "hedgerow_credential_set_aside": HIGHEST,
    "hedgerow_grpc_connections": SUM,
    "hedgerow_http_connections": SUM,
    "hedgerow_ledger_admitting": LOWEST,
    "hedgerow_ledger_behind_seconds": HIGHEST,
    "hedgerow_ledger_spool_bytes": SUM,
    "hedgerow_ledger_spool_max_bytes": SUM,
    "hedgerow_open_calls": SUM,
    "hedgerow_overload_calls": SUM,
    "hedgerow_overload_calls_limit": SUM,
    "hedgerow_overload_delay_seconds": HIGHEST,
    "hedgerow_overload_grade": HIGHEST,
    "hedgerow_overload_memory_ratio": HIGHEST,
    "hedgerow_overload_refused_ratio": HIGHEST,
    "hedgerow_overload_waiting_calls": SUM,
    "hedgerow_pool_waiting": SUM,
    "hedgerow_ready": LOWEST,
    "hedgerow_semantic_partitions": HIGHEST,
    "hedgerow_semantic_questions": HIGHEST,
    "hedgerow_shared_limits_up": LOWEST,
    "hedgerow_worker_serving": HIGHEST,
    "process_max_fds": SUM,
    "process_open_fds": SUM,
    "process_resident_memory_bytes": SUM,
    "process_start_time_seconds": LOWEST,
    "process_virtual_memory_bytes": SUM,
    "python_info": HIGHEST,
}
"""What becomes of a gauge that several workers tell: all of it together, or that of the worst one where they tell of
the same thing. One that is not named here is added up.
"""
_ALIKE = frozenset({"hedgerow_config_reloads"})
"""Counters of what happens once, whoever counts it."""


class Sample(msgspec.Struct, array_like=True, gc=False):
    """One value."""

    name: str
    labels: dict[str, str]
    value: float


class Family(msgspec.Struct, array_like=True):
    """A metric with its samples, or a piece of it."""

    name: str
    kind: str
    text: str
    samples: list[Sample]


class _Whole:
    """A family of all of them together."""

    def __init__(self, first: Family) -> None:
        self.name, self.kind, self.text = first.name, first.kind, first.text
        self._values: dict[tuple[str, tuple[tuple[str, str], ...]], list[float]] = {}

    def add(self, sample: Sample) -> None:
        """One more value."""
        self._values.setdefault((sample.name, tuple(sample.labels.items())), []).append(sample.value)

    def family(self) -> Family:
        """All values of each series as one."""
        how = self._how()
        samples = [Sample(name, dict(labels), how(values)) for (name, labels), values in self._values.items()]
        return Family(self.name, self.kind, self.text, samples)

    def _how(self) -> Callable[[Iterable[float]], float]:
        if self.name in _ALIKE:
            return max
        return sum if self.kind in _COUNTED else GAUGES.get(self.name, sum)


def packed(families: Iterable[Family]) -> bytes:
    """Families, to be told to another process."""
    return msgspec.msgpack.encode(list(families))


def unpacked(page: bytes) -> list[Family]:
    """What another process has told."""
    return msgspec.msgpack.decode(page, type=list[Family])


def merging(pages: Iterable[Iterable[Family]]) -> Work[list[Family]]:
    """The families of all, in the order in which they are first told of, a few samples at a time."""
    found: dict[str, _Whole] = {}
    for page in pages:
        for family in page:
            whole = found.get(family.name)
            if whole is None:
                whole = found[family.name] = _Whole(family)
            for sample in family.samples:
                whole.add(sample)
            yield len(family.samples) // _SLICE + 1
    return [whole.family() for whole in found.values()]


def merged_counts(pages: Sequence[bytes]) -> bytes:
    """The counters and histograms of processes that have ended, as one page: what they had gauges of is gone."""
    counted = ([one for one in unpacked(page) if one.kind in _COUNTED] for page in pages)
    return packed(at_once(merging(counted)))
