"""The scenarios of Failover Bench in every dialect, and the list of all behaviours."""

import asyncio
import time

import pytest
from hedgerow_sim import behaviours
from stack import ROOT
from unit.hedgerow_sim.calls import FILTERED, both, call
from unit.hedgerow_sim.harness import Sim
from unit.hedgerow_sim.wires import WIRES, Wire

# --- Failover Bench ---

_SHAPES = {
    "s01-KEY": 429, "s02": 429, "s03-KEY": 500, "s04": 503, "s05-KEY": None, "s06-150": None, "s07-150": 200,
    "s08": 200, "s09-150": 200, "s10": 200, "s11": 200, "s12": 400, "s13": 400, "s14": 200, "s15-KEY-300": 503,
    "s16": 503,
}  # fmt: skip
_BROKEN = ("s05-KEY", "s06-150", "s08", "s09-150", "s14")
_MENDED = ("s01-KEY", "s03-KEY", "s05-KEY")
_NAMESAKES = {"s13": "sim-filter", "s04": "sim-503", "s15-KEY-300": "sim-503", "s16": "sim-503"}


async def _shape(sim: Sim, wire: Wire, shape: str, *, stream: bool) -> None:
    key = f"{wire.name.replace('-', '_')}_{stream}"
    model, name = f"sim-fb-{shape.replace('KEY', key)}", f"{shape}.{key}"
    got = await call(sim, wire, model, stream=stream, name=name)
    filtered = FILTERED.get(wire.name) if shape == "s13" else None
    assert got.status == (filtered or wire.statuses.get(_NAMESAKES.get(shape, ""), _SHAPES[shape])), got
    assert (got.end == "broken") == (shape in _BROKEN), got
    if shape == "s01-KEY":
        assert got.headers["retry-after"] == "2", got
    if shape in ("s08", "s14", "s09-150") and stream:
        assert got.entry["output_tokens"] >= (20 if shape == "s09-150" else 40), got
    if shape in ("s10", "s11") and stream:
        assert got.entry["output_tokens"] >= 60, got
    if shape.startswith("s15"):
        await asyncio.sleep(max(got.entry["started_unix"] + 0.3 - time.time(), 0) + 0.02)
    if shape in _MENDED or shape.startswith("s15"):
        again = await call(sim, wire, model, stream=stream, name=name)
        assert (again.status, again.entry["outcome"]) == (200, "completed"), again


@both
@pytest.mark.parametrize("shape", _SHAPES)
async def test_a_shape_of_failover_bench_goes_as_its_catalogue_says(shared: Sim, shape: str, *, stream: bool) -> None:
    await asyncio.gather(*(_shape(shared, wire, shape, stream=stream) for wire in WIRES))


# --- The list ---


def test_every_name_is_a_row_of_the_catalogue_and_of_the_page() -> None:
    page = (ROOT / "docs" / "simulator.md").read_text(encoding="utf-8")
    for fault in behaviours.faults():
        name = f"sim-{fault.grammar}{'[.…]' if fault.wraps else ''}"
        assert fault.line.endswith("."), name
        assert f"| `{name}` | {fault.line} | {fault.rows} |" in page, name
    assert page.count("| `sim-") == len(behaviours.faults())


def test_every_row_of_a_provider_has_a_name() -> None:
    rows = {row for fault in behaviours.faults() for row in fault.rows.split(", ")}
    # P7 is a port where nobody listens, or one with another certificate (--tls-cert).
    wanted = {f"P{number}" for number in range(1, 27) if number != 7} | {f"S{number:02}" for number in range(1, 17)}
    assert wanted | {"C1", "C3", "O6", "H1", "H2"} <= rows
