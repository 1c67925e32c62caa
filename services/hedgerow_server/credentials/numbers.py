"""Credentials in numbers."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from hedgerow_server.credentials.alarm import AlarmKind, Alarms
from hedgerow_server.credentials.lease import HeldLease

_LABEL = ("credential",)


class CredentialNumbers:
    """Reads them off when they are asked for. The only labels are names of the configuration, and words of ours."""

    def __init__(
        self,
        leases: Callable[[], Mapping[str, HeldLease]],
        alarms: Alarms,
        rotations: Mapping[str, Counter[str]],
    ) -> None:
        """`leases` are those in force, by name; `rotations` how windows have ended, by credential."""
        self._leases = leases
        self._alarms = alarms
        self._rotations = rotations

    def __call__(self) -> Iterator[Metric]:
        leases = sorted(self._leases().items())
        yield from self._state(leases)
        refusals = CounterMetricFamily(
            "hedgerow_credential_refusals", "Secrets that a provider has refused; together refused once.", labels=_LABEL
        )
        for name, held in leases:
            refusals.add_metric((name,), held.refusals)
        yield refusals
        rotations = CounterMetricFamily(
            "hedgerow_credential_rotations", "How rotations have ended.", labels=(*_LABEL, "outcome")
        )
        for name, outcomes in sorted(self._rotations.items()):
            for outcome, count in sorted(outcomes.items()):
                rotations.add_metric((name, outcome), count)
        yield rotations
        alarms = CounterMetricFamily(
            "hedgerow_credential_alarms", "Alarms that were raised.", labels=(*_LABEL, "event")
        )
        for (name, event), count in sorted(self._alarms.counts.items()):
            alarms.add_metric((name, event), count)
        yield alarms

    def _state(self, leases: list[tuple[str, HeldLease]]) -> Iterator[Metric]:
        ready = GaugeMetricFamily("hedgerow_credential_ready", "Whether there is a secret to use.", labels=_LABEL)
        age = GaugeMetricFamily("hedgerow_credential_age_seconds", "The age of the secret in use.", labels=_LABEL)
        aside = GaugeMetricFamily(
            "hedgerow_credential_set_aside", "How many providers go on refusing the secret.", labels=_LABEL
        )
        for name, held in leases:
            ready.add_metric((name,), float(held.ready))
            if held.version:
                age.add_metric((name,), held.age_s)
            raised = [one for one in self._alarms.of(name) if one.kind is AlarmKind.SET_ASIDE]
            aside.add_metric((name,), len(raised))
        yield from (ready, age, aside)
