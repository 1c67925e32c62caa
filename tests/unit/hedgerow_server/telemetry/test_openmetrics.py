"""The page in OpenMetrics 1.0: who gets it, that its own parser reads it, and the traces that buckets lead to."""

from collections.abc import Iterable

import pytest
from hedgerow_server.core.trace import Traced
from hedgerow_server.telemetry.family import counters, gauges, histograms
from hedgerow_server.telemetry.histogram import DURATION_S, Histogram
from hedgerow_server.telemetry.metrics import Metrics, pieces
from hedgerow_server.telemetry.text import Form, chosen
from prometheus_client.core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_string_to_metric_families as text_to_metric_families
from unit.hedgerow_server.telemetry.counted import attempt, made, numbers, over

PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", Form.TEXT),
        ("*/*", Form.TEXT),
        ("text/plain;version=0.0.4;q=0.5,*/*;q=0.1", Form.TEXT),
        ("application/json", Form.TEXT),
        (PROMETHEUS_3, Form.OPEN),
        ("Application/OpenMetrics-Text; version=1.0.0", Form.OPEN),
        ("application/openmetrics-text, text/plain", Form.OPEN),
        ("application/openmetrics-text;q=0.3, text/plain;q=0.5", Form.TEXT),
        ("application/openmetrics-text;q=0.3, text/*;q=0.5", Form.TEXT),
        ("application/openmetrics-text;q=0", Form.TEXT),
        ("application/openmetrics-text;q=much", Form.TEXT),
    ],
)
def test_openmetrics_is_for_whoever_names_it_and_likes_it_no_less_than_text(accept: str, form: Form) -> None:
    assert chosen(accept) is form


def whole(metrics: Metrics, form: Form) -> str:
    return "".join(text for text, _ in pieces(metrics.metrics(), form))


def read(metrics: Metrics) -> dict[str, Metric]:
    """The families of a page, by the strict parser of the format."""
    page = whole(metrics, Form.OPEN)
    assert page.endswith("\n# EOF\n")
    families = text_string_to_metric_families(page)  # type: ignore[no-untyped-call]  # the library's
    return {family.name: family for family in families}


def flat(families: Iterable[Metric]) -> set[tuple[object, ...]]:
    return {(one.name, *sorted(one.labels.items()), one.value) for family in families for one in family.samples}


def test_both_forms_tell_the_same() -> None:
    odd = [((f'a "{number}"\n', "\\"), float(number)) for number in range(600)]
    seen = Histogram(DURATION_S)
    seen.observe(0.3)
    metrics = Metrics(process=True)
    metrics.add(lambda: counters("things", 'Things: \\ "and"\nmore.', ("one", "other"), odd))
    metrics.add(lambda: gauges("states", "States.", (), [((), 1_234_567)]))
    metrics.add(lambda: histograms("times", "Times.", ("kind", "zone"), [(("a", "b"), seen)]))
    found = read(metrics)
    assert found["things"].documentation == 'Things: \\ "and"\nmore.'
    assert found["things"].type == "counter"
    ours = {"things", "states", "times"}
    text = text_to_metric_families(whole(metrics, Form.TEXT))
    assert flat(found[name] for name in ours) == flat(one for one in text if one.name in ours)
    assert {"process_cpu_seconds", "python_gc_collections", "python_info"} <= found.keys()


async def test_the_content_type_says_which_form_it_is() -> None:
    metrics = Metrics()
    metrics.add(lambda: gauges("states", "States.", (), [((), 1)]))
    content, content_type = await metrics.page(PROMETHEUS_3)
    assert content_type == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert content.endswith(b"# EOF\n")
    content, content_type = await metrics.page("text/plain")
    assert content_type.startswith("text/plain; version=")
    assert b"EOF" not in content


def exemplars(family: Metric) -> dict[str, tuple[str, float]]:
    """The trace and the value of each bucket that has one, by its bound."""
    found = ((one.labels["le"], one.exemplar) for one in family.samples if one.exemplar is not None)
    return {bound: (one.labels["trace_id"], one.value) for bound, one in found if one is not None}


def test_the_newest_recorded_call_of_a_bucket_leads_to_its_trace() -> None:
    counted = numbers()
    for trace_id, duration_s in (("a" * 32, 0.30), ("b" * 32, 0.29), ("c" * 32, 2.0), ("", 0.31), ("", 5.0)):
        call = made("fast", attempt())
        if trace_id:
            call.traced = Traced(trace_id, "d" * 16)
        over(counted, call, duration_s=duration_s)
    metrics = Metrics()
    metrics.add(counted)
    found = read(metrics)
    assert exemplars(found["hedgerow_call_duration_seconds"]) == {
        "0.32": ("b" * 32, 0.29),
        "2.56": ("c" * 32, 2.0),
    }
    for name in ("hedgerow_first_token_seconds", "hedgerow_overhead_seconds"):
        assert {trace for trace, _ in exemplars(found[name]).values()} <= {"b" * 32, "c" * 32}
        assert exemplars(found[name])
    assert "trace_id" not in whole(metrics, Form.TEXT), "the text format has no place for them"
