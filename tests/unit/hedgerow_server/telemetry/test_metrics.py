"""The numbers of a router, as Prometheus reads them."""

from collections import Counter

from hedgerow_server.core.secret import Secret
from hedgerow_server.credentials.alarm import AlarmKind, Alarms
from hedgerow_server.credentials.lease import HeldLease
from hedgerow_server.credentials.numbers import CredentialNumbers
from hedgerow_server.telemetry.metrics import Metrics
from prometheus_client import Counter as PrometheusCounter
from prometheus_client.parser import text_string_to_metric_families


def samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Each by its name and the values of its labels."""
    content, content_type = metrics.page()
    assert content_type.startswith("text/plain; version=")
    families = text_string_to_metric_families(content.decode())
    return {(one.name, *one.labels.values()): float(one.value) for family in families for one in family.samples}


def test_two_routers_share_no_numbers_and_those_of_libraries_are_not_among_them() -> None:
    one, other = Metrics(), Metrics()
    PrometheusCounter("hedgerow_things", "Things.", registry=one.registry).inc(3)
    assert samples(one)["hedgerow_things_total",] == 3
    assert samples(other) == {}


def test_credentials_are_read_off_as_they_are() -> None:
    held, missing = HeldLease("a", None), HeldLease("b", None)
    held.take(Secret("sk-canary"))
    held.refusals = 2
    alarms, rotations = Alarms(), {"a": Counter(met=3, late=1)}
    alarms.refused("p", "a", "PROVIDER_AUTH")
    alarms.refused("q", "a", "PROVIDER_AUTH")
    alarms.sound(AlarmKind.ROTATION_OVERDUE, "a", "no other key has come")
    metrics = Metrics()
    metrics.add(CredentialNumbers(lambda: {"a": held, "b": missing}, alarms, rotations))
    found = samples(metrics)
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
    assert samples(metrics)["hedgerow_credential_set_aside", "a"] == 1
