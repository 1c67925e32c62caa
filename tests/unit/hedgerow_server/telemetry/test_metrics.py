"""The numbers of a router, as Prometheus reads them."""

import asyncio
from collections import Counter

from hedgerow_server.core.secret import Secret
from hedgerow_server.credentials.alarm import AlarmKind, Alarms
from hedgerow_server.credentials.lease import HeldLease
from hedgerow_server.credentials.numbers import CredentialNumbers
from hedgerow_server.telemetry.family import counters, gauges, histograms
from hedgerow_server.telemetry.histogram import DURATION_S, Histogram
from hedgerow_server.telemetry.metrics import Metrics
from prometheus_client import Counter as PrometheusCounter
from prometheus_client import generate_latest
from prometheus_client.core import CollectorRegistry, CounterMetricFamily, HistogramMetricFamily
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector


async def samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Each by its name and the values of its labels."""
    content, content_type = await metrics.page()
    assert content_type.startswith("text/plain; version=")
    families = text_string_to_metric_families(content.decode())
    return {(one.name, *one.labels.values()): float(one.value) for family in families for one in family.samples}


async def test_two_routers_share_no_numbers_and_those_of_libraries_are_not_among_them() -> None:
    one, other = Metrics(), Metrics()
    PrometheusCounter("hedgerow_things", "Things.", registry=one.registry).inc(3)
    assert (await samples(one))["hedgerow_things_total",] == 3
    assert await samples(other) == {}


async def test_credentials_are_read_off_as_they_are() -> None:
    held, missing = HeldLease("a", None), HeldLease("b", None)
    held.take(Secret("sk-canary"))
    held.refusals = 2
    alarms, rotations = Alarms(), {"a": Counter(met=3, late=1)}
    alarms.refused("p", "a", "PROVIDER_AUTH")
    alarms.refused("q", "a", "PROVIDER_AUTH")
    alarms.sound(AlarmKind.ROTATION_OVERDUE, "a", "no other key has come")
    metrics = Metrics()
    metrics.add(CredentialNumbers(lambda: {"a": held, "b": missing}, alarms, rotations))
    found = await samples(metrics)
    age_s = found.pop(("hedgerow_credential_age_seconds", "a"))
    assert 0 <= age_s < 60
    assert found == {
        ("hedgerow_credential_ready", "a"): 1,
        ("hedgerow_credential_ready", "b"): 0,
        ("hedgerow_credential_set_aside", "a"): 2,
        ("hedgerow_credential_set_aside", "b"): 0,
        ("hedgerow_credential_refusals_total", "a"): 2,
        ("hedgerow_credential_refusals_total", "b"): 0,
        ("hedgerow_credential_rotations_total", "a", "met"): 3,
        ("hedgerow_credential_rotations_total", "a", "late"): 1,
        ("hedgerow_credential_alarms_total", "a", "set_aside"): 2,
        ("hedgerow_credential_alarms_total", "a", "rotation_overdue"): 1,
    }
    alarms.accepted("p", "a")
    assert (await samples(metrics))["hedgerow_credential_set_aside", "a"] == 1


def labelled(count: int) -> list[tuple[tuple[str, ...], float]]:
    return [((f'a "{number}"\n', "\\"), float(number)) for number in range(count)]


def measured() -> Histogram:
    found = Histogram(DURATION_S)
    for value in (0.001, 0.01, 0.3, 1000.0):
        found.observe(value)
    return found


async def test_a_family_in_pieces_is_written_like_one_in_one_piece() -> None:
    class Whole(Collector):
        def collect(self) -> list[CounterMetricFamily | HistogramMetricFamily]:
            things = CounterMetricFamily("things", "Things: \\ and\nmore.", labels=("one", "other"))
            for values, value in labelled(300):
                things.add_metric(values, value)
            times = HistogramMetricFamily("times", "Times.", labels=("one",))
            for number in range(20):
                found, total = measured(), 0
                buckets: list[tuple[str, float]] = []
                for bound, count in zip((*map(str, DURATION_S), "+Inf"), found.counts, strict=True):
                    total += count
                    buckets.append((bound, total))
                times.add_metric((str(number),), buckets, found.total)
            return [things, times]

    metrics, registry = Metrics(), CollectorRegistry(auto_describe=False)
    metrics.add(lambda: counters("things", "Things: \\ and\nmore.", ("one", "other"), labelled(300)))
    series = [((str(number),), measured()) for number in range(20)]
    metrics.add(lambda: histograms("times", "Times.", ("one",), series))
    registry.register(Whole())
    assert (await metrics.page())[0] == generate_latest(registry)


async def test_families_without_a_sample_have_their_help_and_type() -> None:
    metrics = Metrics()
    metrics.add(lambda: counters("things", "Things.", ("one",), []))
    metrics.add(lambda: gauges("states", "States.", (), []))
    metrics.add(lambda: histograms("times", "Times.", (), []))
    lines = (await metrics.page())[0].decode().splitlines()
    assert lines == [
        "# HELP things_total Things.",
        "# TYPE things_total counter",
        "# HELP states States.",
        "# TYPE states gauge",
        "# HELP times Times.",
        "# TYPE times histogram",
    ]


async def test_the_loop_turns_while_a_long_page_is_made() -> None:
    metrics, turns = Metrics(), 0
    metrics.add(lambda: counters("things", "Things.", ("one", "other"), labelled(20_000)))

    async def turning() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    beside = asyncio.create_task(turning())
    content, _ = await metrics.page()
    beside.cancel()
    assert content.count(b"\n") == 20_002
    assert turns >= 20_000 // 300


async def test_the_process_is_told_of_where_that_was_asked_for() -> None:
    found = await samples(Metrics(process=True))
    assert found["process_cpu_seconds_total",] > 0
    assert found["python_gc_collections_total", "0"] >= 0
