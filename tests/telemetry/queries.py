"""Queries in PromQL: what they ask for."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

import promql_parser
from telemetry.pages import documented

TARGET = {"instance", "job"}
"""Labels that Prometheus gives every sample."""
PROCESS = re.compile(r"^(process|python)_")
"""Numbers of the process, which prometheus_client gives itself."""
_GRAFANA = {"$__rate_interval": "5m", "$__range": "3h", "$__interval": "1m"}
_PARTS = ("_bucket", "_count", "_sum")


@dataclass
class Asked:
    """What a query asks for."""

    names: set[str] = field(default_factory=set)
    """Names of samples."""
    labels: set[tuple[str, str]] = field(default_factory=set)
    """A metric and a label of it that is compared."""
    grouped: list[tuple[set[str], set[str]]] = field(default_factory=list)
    """Labels that are grouped by, and the names of the samples that are."""


def asked(query: str) -> Asked:
    """What a query asks for, Grafana's variables filled in. Raises ValueError where it is none."""
    for variable, value in _GRAFANA.items():
        query = query.replace(variable, value)
    found = Asked()
    _look(promql_parser.parse(query), found)
    return found


def _look(node: object, found: Asked) -> set[str]:
    """Adds what a node asks for; returns the names of the samples in it."""
    names: set[str] = set()
    if isinstance(node, promql_parser.MatrixSelector):
        return _look(node.vector_selector, found)
    if isinstance(node, promql_parser.VectorSelector):
        name = str(node.name)
        found.names.add(name)
        found.labels |= {(name, matcher.name) for matcher in node.matchers.matchers}
        return {name}
    for child in _children(node):
        names |= _look(child, found)
    if isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
        found.grouped.append((set(node.modifier.labels), names))
    return names


def _children(node: object) -> Iterator[object]:
    for at in ("expr", "lhs", "rhs"):
        if hasattr(node, at):
            yield getattr(node, at)
    yield from getattr(node, "args", ())


_documented = cache(documented)


def labels_of(name: str) -> set[str] | None:
    """The labels that samples of a name have, by docs/metrics.md, which is held against a real router; None: there are
    no such samples.
    """
    known = _documented()
    if name in known:
        kind, labels = known[name]
        # Of a histogram there are only its parts.
        return None if kind == "histogram" else set(labels) | TARGET
    for part in _PARTS:
        kind, labels = known.get(name.removesuffix(part), ("", frozenset()))
        if name.endswith(part) and kind == "histogram":
            return set(labels) | TARGET | ({"le"} if part == "_bucket" else set())
    return None
