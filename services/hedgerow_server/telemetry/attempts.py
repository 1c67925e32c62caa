"""Attempts in numbers: how they ended, how long they took, and what they came to."""

import time
from collections import deque
from collections.abc import Iterator, Sequence

import msgspec
from prometheus_client.core import Metric

from hedgerow_server.core.event import AttemptKind, AttemptOutcome, AttemptRecord
from hedgerow_server.telemetry.family import Labels, counters, each, histograms
from hedgerow_server.telemetry.histogram import DURATION_S, FIRST_TOKEN_S, MOST_SERIES, TOKENS, Histogram
from hedgerow_server.telemetry.labels import OTHER
from hedgerow_server.telemetry.spending import CLASSES, Spending, dollars

_APART = (AttemptOutcome.HEDGE_LOST, AttemptOutcome.REPLACED)
"""Outcomes whose cost is the route's, not the caller's."""
_LEFT = (AttemptOutcome.HEDGE_LOST, AttemptOutcome.CANCELLED)
"""Outcomes after which an answer may be read on for its usage."""
_SETTLES_S = 1.0
"""By then it is known whether an answer that nobody waits for is read on."""
_MOST_LEFT = 4096
# A member of an enumeration takes longer to look up than to compare.
_PRIMARY, _HEDGE, _SUCCEEDED = AttemptKind.PRIMARY, AttemptKind.HEDGE, AttemptOutcome.SUCCEEDED
_MODEL = ("provider", "model")
_GEN_AI = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model")


class _Shape:
    """The times and sizes of one operation of a model."""

    __slots__ = ("first", "input", "lengths", "output", "served")

    def __init__(self) -> None:
        self.served = Histogram(DURATION_S)
        self.lengths: dict[str, Histogram] = {}
        """Of those that were not served, by what became of them."""
        self.first = Histogram(FIRST_TOKEN_S)
        self.input = Histogram(TOKENS)
        self.output = Histogram(TOKENS)

    def durations(self) -> list[tuple[str, Histogram]]:
        """By error type; empty: there was none."""
        return [("", self.served), *self.lengths.items()] if not self.served.empty else list(self.lengths.items())


class _Model:
    """The attempts at one model of a provider."""

    __slots__ = ("ends", "plain", "shapes", "spending", "unpriced")

    def __init__(self) -> None:
        self.plain = 0
        """First attempts that succeeded: nearly all, and so not looked up."""
        self.ends: dict[tuple[AttemptKind, AttemptOutcome | None, str], int] = {}
        self.shapes: dict[str, _Shape] = {}
        self.spending = Spending()
        self.unpriced = 0

    def counts(self) -> Iterator[tuple[Labels, int]]:
        """By kind, outcome and reason, as words."""
        if self.plain:
            yield (_PRIMARY.name.lower(), _SUCCEEDED.name.lower(), ""), self.plain
        for (kind, outcome, reason), count in list(self.ends.items()):
            yield (kind.name.lower(), outcome.name.lower() if outcome is not None else "", reason), count


class _Came(msgspec.Struct, frozen=True):
    """What an attempt came to, which may not be known yet."""

    record: AttemptRecord
    model: _Model
    shape: _Shape
    route: str
    caller: Spending
    due_s: float


class AttemptNumbers:
    """Counts attempts of calls that are over. What one came to that nobody waited for is counted once its provider has
    said so.
    """

    def __init__(self) -> None:
        self._models: dict[tuple[str, str], _Model] = {}
        self._shapes: dict[tuple[str, str, str], _Shape] = {}
        self._hedging: dict[str, int] = {}
        self._left: deque[_Came] = deque()

    def count(
        self, records: Sequence[AttemptRecord], operation: str, route: str, caller: Spending, *, named: bool
    ) -> None:
        """The attempts of one call: `operation` is "chat" or "embeddings", `caller` what its caller is charged for, and
        `named` whether the model's name is the caller's own and not the configuration's.
        """
        for record in records:
            key = (record.provider, "*" if named else record.model)
            model = self._models.get(key)
            if model is None:
                model = self._models[key] = _Model()
            shape = model.shapes.get(operation)
            if shape is None:
                shape = model.shapes[operation] = self._shape(operation, *key)
            outcome = record.outcome
            if outcome is _SUCCEEDED and record.kind is _PRIMARY:
                model.plain += 1
                shape.served.observe(record.total_s)
            else:
                self._other(record, model, shape)
            if record.first_token_s is not None:
                shape.first.observe(record.first_token_s)
            if outcome in _LEFT:
                due_s = time.monotonic() + _SETTLES_S
                self._left.append(_Came(record, model, shape, route, caller, due_s))
            else:
                self._came(record, model, shape, route, caller)
        if self._left:
            self._settle()

    def _shape(self, operation: str, provider: str, model: str) -> _Shape:
        """That of a model, or of all those together that are too many to be told apart."""
        key = (operation, provider, model) if len(self._shapes) < MOST_SERIES else (operation, OTHER, OTHER)
        shape = self._shapes.get(key)
        if shape is None:
            shape = self._shapes[key] = _Shape()
        return shape

    def _other(self, record: AttemptRecord, model: _Model, shape: _Shape) -> None:
        key = (record.kind, record.outcome, record.error_reason)
        model.ends[key] = model.ends.get(key, 0) + 1
        if record.outcome in (_SUCCEEDED, AttemptOutcome.REPLACED) and not record.error_reason:
            shape.served.observe(record.total_s)
            return
        why = record.error_reason or (record.outcome.name.lower() if record.outcome is not None else "")
        length = shape.lengths.get(why)
        if length is None:
            length = shape.lengths[why] = Histogram(DURATION_S)
        length.observe(record.total_s)

    def _came(self, record: AttemptRecord, model: _Model, shape: _Shape, route: str, caller: Spending) -> None:
        usage, picos = record.usage, record.cost_picos
        outcome = record.outcome
        if usage is None and not picos:
            return
        model.spending.add(usage, picos)
        if usage is not None:
            if picos is None:
                model.unpriced += 1
            shape.input.observe(usage.input_tokens)
            shape.output.observe(usage.output_tokens)
        if outcome not in _APART:
            caller.add(usage, picos)
        lost = record.kind is _HEDGE and outcome is not _SUCCEEDED
        if picos and (lost or outcome is AttemptOutcome.HEDGE_LOST):
            self._hedging[route] = self._hedging.get(route, 0) + picos

    def _settle(self) -> None:
        """Counts those of which nothing changes any more. One that is still read on goes to the end of the line."""
        now_s, left = time.monotonic(), self._left
        for _ in range(len(left)):
            if left[0].due_s > now_s and len(left) <= _MOST_LEFT:
                return
            one = left.popleft()
            if one.record.open_ended and len(left) < _MOST_LEFT:
                left.append(msgspec.structs.replace(one, due_s=now_s + _SETTLES_S))
            else:
                self._came(one.record, one.model, one.shape, one.route, one.caller)

    def __call__(self) -> Iterator[Metric]:
        self._settle()
        text = "Requests to providers, by why they were made and how they ended."
        yield from counters("hedgerow_attempts", text, (*_MODEL, "kind", "outcome", "reason"), self._ends())
        text = "Tokens of all attempts, by class; each token is in one of them."
        yield from counters("hedgerow_tokens", text, (*_MODEL, "type"), self._tokens())
        text = "What all attempts cost, in US dollars, those that no caller is charged for included."
        costs = ((key, one.spending.dollars) for key, one in each(self._models))
        yield from counters("hedgerow_cost_dollars", text, _MODEL, costs)
        text = "Attempts that used tokens whose price is not known: their cost is missing everywhere."
        unpriced = ((key, one.unpriced) for key, one in each(self._models))
        yield from counters("hedgerow_unpriced_attempts", text, _MODEL, unpriced)
        text = "What hedging cost: attempts that lost a race, and second ones that failed, in US dollars."
        hedging = (((route,), dollars(picos)) for route, picos in each(self._hedging))
        yield from counters("hedgerow_hedge_cost_dollars", text, ("route",), hedging)
        yield from self._gen_ai()

    def _ends(self) -> Iterator[tuple[Labels, int]]:
        for key, one in each(self._models):
            for how, count in one.counts():
                yield (*key, *how), count

    def _tokens(self) -> Iterator[tuple[Labels, int]]:
        for key, one in each(self._models):
            for name, count in zip(CLASSES, one.spending.tokens, strict=True):
                if count:
                    yield (*key, name), count

    def _gen_ai(self) -> Iterator[Metric]:
        """The same under the names of OpenTelemetry's semantic conventions for generative AI."""
        shapes = self._shapes
        yield from histograms(
            "gen_ai_client_operation_duration_seconds",
            "How long requests to providers took, in seconds.",
            (*_GEN_AI, "error_type"),
            (((*labels, why), length) for labels, shape in each(shapes) for why, length in shape.durations()),
        )
        yield from histograms(
            "gen_ai_client_token_usage",
            "Tokens of a request to a provider, by input and output.",
            (*_GEN_AI, "gen_ai_token_type"),
            (
                ((*labels, way), size)
                for labels, shape in each(shapes)
                for way, size in (("input", shape.input), ("output", shape.output))
                if not size.empty
            ),
        )
        yield from histograms(
            "gen_ai_server_time_to_first_token_seconds",
            "How long a provider took to the first content, in seconds.",
            _GEN_AI,
            ((labels, shape.first) for labels, shape in each(shapes) if not shape.first.empty),
        )
