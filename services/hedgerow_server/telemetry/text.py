"""Metrics as text: in Prometheus's format (0.0.4 and 1.0.0 alike), and in OpenMetrics 1.0, which has exemplars too."""

import enum
from collections.abc import Iterator, Sequence
from itertools import accumulate
from operator import itemgetter

import prometheus_client
from prometheus_client.core import Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from hedgerow_server.telemetry.family import Counted, Labels, Piece, Plain
from hedgerow_server.telemetry.histogram import Histogram

_END = "# EOF\n"
_EXPONENTS_FROM = 1_000_000
_TYPE, _SUBTYPE, _ANY = "text/plain", "text/*", "*/*"
_OPEN = "application/openmetrics-text"


class Form(enum.Enum):
    """How a page is written."""

    TEXT = prometheus_client.CONTENT_TYPE_LATEST
    OPEN = openmetrics.CONTENT_TYPE_LATEST

    @property
    def end(self) -> str:
        """What stands below the last family."""
        return _END if self is Form.OPEN else ""


def chosen(accept: str) -> Form:
    """The form for an Accept header (RFC 9110, 12.5.1): OpenMetrics for whoever names it and likes it no less than
    text. One that says neither gets text.
    """
    liked = dict.fromkeys((_OPEN, _TYPE, _SUBTYPE, _ANY), -1.0)
    for one in accept.lower().split(","):
        kind, *parameters = (part.strip() for part in one.split(";"))
        if kind in liked:
            liked[kind] = max(liked[kind], _quality(parameters))
    text = next((liked[kind] for kind in (_TYPE, _SUBTYPE, _ANY) if liked[kind] >= 0), 0.0)
    return Form.OPEN if liked[_OPEN] > 0 and liked[_OPEN] >= text else Form.TEXT


def _quality(parameters: Sequence[str]) -> float:
    for one in parameters:
        name, _, value = one.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def heading(metric: Metric, form: Form) -> str:
    """The lines above the first sample of a family of ours."""
    text, name = metric.documentation.replace("\\", r"\\").replace("\n", r"\n"), metric.name
    if form is Form.OPEN:
        text = text.replace('"', r"\"")
    elif metric.type == "counter":
        name = f"{name}_total"
    return f"# HELP {name} {text}\n# TYPE {name} {metric.type}\n"


def written(metric: Metric, form: Form, *, first: bool) -> str:
    """A family or a piece of one; `first`: with the heading."""
    if not isinstance(metric, Piece):
        text = _by_library(metric, form)
        # Of pieces, which have no unit.
        return text if first else text.split("\n", 2)[2]
    lines = (
        _plain(metric) if isinstance(metric, Plain) else _counted(metric, form) if isinstance(metric, Counted) else ()
    )
    return (heading(metric, form) if first else "") + "".join(lines)


def _by_library(metric: Metric, form: Form) -> str:
    if form is Form.OPEN:
        content: bytes = openmetrics.generate_latest(_One(metric))  # type: ignore[no-untyped-call]  # the library's
        return content.decode().removesuffix(_END)
    return prometheus_client.generate_latest(_One(metric)).decode()


class _One(Collector):
    """A registry of one metric, as far as the writer of the format asks for one."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> Iterator[Metric]:
        yield self._metric


class _Written:
    """Writes the labels of series, by name as the library does: before "le", and behind it."""

    def __init__(self, names: Sequence[str]) -> None:
        order = sorted(range(len(names)), key=names.__getitem__)
        self._ordered = itemgetter(*order) if len(order) > 1 else None
        self._before = sum(name < "le" for name in names)
        self._form = ",".join(f'{names[place]}="%s"' for place in order)
        self._around = (
            "".join(f'{names[place]}="%s",' for place in order[: self._before]),
            "".join(f',{names[place]}="%s"' for place in order[self._before :]),
        )

    def _values(self, labels: Labels) -> Labels:
        whole = "".join(labels)
        if '"' in whole or "\\" in whole or "\n" in whole:
            labels = tuple(_escaped(one) for one in labels)
        return self._ordered(labels) if self._ordered is not None else labels

    def all(self, labels: Labels) -> str:
        """In their braces; empty where there is none."""
        return f"{{{self._form % self._values(labels)}}}" if self._form else ""

    def around(self, labels: Labels) -> tuple[str, str]:
        """What stands before and behind "le"."""
        values, (before, behind) = self._values(labels), self._around
        return before % values[: self._before], behind % values[self._before :]


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _number(value: float) -> str:
    if type(value) is int and 0 <= value < _EXPONENTS_FROM:
        return f"{value}.0"
    return str(floatToGoString(value))  # type: ignore[no-untyped-call]  # as above


def _plain(piece: Plain) -> Iterator[str]:
    name = f"{piece.name}_total" if piece.type == "counter" else piece.name
    labels = _Written(piece.labels)
    for values, value in piece.series:
        yield f"{name}{labels.all(values)} {_number(value)}\n"


def _counted(piece: Counted, form: Form) -> Iterator[str]:
    labels, name = _Written(piece.labels), piece.name
    for values, one in piece.series:
        before, behind = labels.around(values)
        head, whole = f'{name}_bucket{{{before}le="', labels.all(values)
        marks = _exemplars(one) if form is Form.OPEN else {}
        total = 0
        for place, total in enumerate(accumulate(one.counts)):
            bound = float(one.bounds[place]) if place < len(one.bounds) else "+Inf"
            yield f'{head}{bound}"{behind}}} {_number(total)}{marks.get(place, "")}\n'
        yield f"{name}_count{whole} {_number(total)}\n{name}_sum{whole} {_number(one.total)}\n"


def _exemplars(one: Histogram) -> dict[int, str]:
    """What stands behind the buckets that have one, by their place."""
    return {
        place: f' # {{trace_id="{mark.trace_id}"}} {_number(mark.value)} {mark.unix_s:.3f}'
        for place, mark in (one.exemplars or {}).items()
    }
