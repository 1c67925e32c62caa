"""A page of metrics, read by Prometheus's own parser, and the page of the documentation about them."""

import re
from collections.abc import Iterable

from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from rpc.caller import get
from stack import ROOT, Process

_ROW = re.compile(r"\| `(?P<name>[a-z_]+)` \| (?P<type>counter|gauge|histogram) \| (?P<labels>[^|]*)\|")


def families(router: Process) -> list[Metric]:
    """What a router tells now."""
    status, text = get(f"http://{router.addresses['admin_http']}/metrics")
    assert status == 200
    return list(text_string_to_metric_families(text))


def name_of(family: Metric) -> str:
    """The name as it stands on the page: the parser takes the end of those of counters away."""
    return f"{family.name}_total" if family.type == "counter" else family.name


def values(router: Process, name: str, *labels: str, **only: str) -> dict[tuple[str, ...], float]:
    """The samples of a name that are not 0, by the values of those labels; `only` those with the labels' values."""
    found: dict[tuple[str, ...], float] = {}
    for sample in samples(families(router)):
        if sample[0] == name and sample[2] and only.items() <= sample[1].items():
            key = tuple(sample[1][label] for label in labels)
            found[key] = found.get(key, 0.0) + sample[2]
    return found


def samples(found: Iterable[Metric]) -> list[tuple[str, dict[str, str], float]]:
    """Name, labels and value of each."""
    return [(one.name, one.labels, float(one.value)) for family in found for one in family.samples]


def documented() -> dict[str, tuple[str, frozenset[str]]]:
    """Type and labels of each metric that docs/metrics.md tells of."""
    text = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    return {
        one["name"]: (one["type"], frozenset(re.findall(r"`([a-z_]+)`", one["labels"]))) for one in _ROW.finditer(text)
    }
