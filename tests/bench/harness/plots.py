"""The figures of a run as pictures."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

Results = Mapping[str, Mapping[str, Mapping[str, Any]]]
COLOURS = {
    "hedgerow": "#1b6e3c",
    "hedgerow_http": "#6fae86",
    "litellm": "#b5462f",
    "portkey": "#7a4fb3",
    "envoy": "#4a6fa5",
    "grpcio": "#999999",
    "grpcio_aiohttp": "#bbbbbb",
}
_COSTS = {"unary_1kb": "unary chat, 1 KB", "chunk_burst": "piece of a burst", "chunk_paced": "piece every 20 ms"}
_GROWTH = {
    "growth_unary": "calls",
    "growth_cancelled_unary": "unary calls that were left",
    "growth_cancelled_stream": "streams that were left",
}


def draw(results: Results, folder: Path) -> list[tuple[str, str]]:
    """Writes the pictures, and gives their names and what they show."""
    found = []
    for name, text, needs, picture in (
        ("cost.png", "CPU of the gateway for each unit of work", "unary_1kb", _costs),
        ("throughput.png", "Throughput on one core and the p99 of calls then", "throughput", _throughput),
        ("memory.png", "Memory over calls", "growth_unary", _growth),
    ):
        if needs in results:
            figure = picture(results)
            figure.savefig(folder / name, dpi=90)
            plt.close(figure)
            found.append((name, text))
    return found


def _costs(results: Results) -> Any:
    figure, axes = plt.subplots(1, len(_COSTS), figsize=(12, 3), layout="constrained")
    for one, (name, title) in zip(axes, _COSTS.items(), strict=True):
        rows = {key: row for key, row in results.get(name, {}).items() if key in COLOURS and "void" not in row}
        places = range(len(rows))
        values = [row["cpu_us"] for row in rows.values()]
        # Points, not bars: a bar's length says nothing where the scale has no zero.
        one.scatter(values, places, color=[COLOURS[key] for key in rows])
        one.set_yticks(list(places), list(rows), fontsize=8)
        one.invert_yaxis()
        for place, value in zip(places, values, strict=True):
            one.annotate(f"   {value:,.0f}", (value, place), va="center", fontsize=8)
        one.set(title=title, xlabel="CPU-µs", xscale="log")
        one.margins(x=0.25)
    return figure


def _throughput(results: Results) -> Any:
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for name, row in results["throughput"].items():
        points = row["points"]
        axes.plot(
            [point["per_s"] for point in points],
            [point["p99_ms"] for point in points],
            "o-",
            color=COLOURS.get(name, "#000000"),
            label=name,
            markersize=3,
        )
    axes.set(xscale="log", yscale="log", xlabel="calls a second, one core", ylabel="p99 in ms")
    axes.legend(fontsize=8)
    return figure


def _growth(results: Results) -> Any:
    figure, axes = plt.subplots(1, len(_GROWTH), figsize=(12, 3), layout="constrained")
    for one, (name, title) in zip(axes, _GROWTH.items(), strict=True):
        _lines(one, results.get(name, {}))
        one.set(title=title, xlabel="calls", ylabel="MiB beyond the first")
    axes[0].legend(fontsize=8)
    return figure


def _lines(axes: Axes, rows: Mapping[str, Mapping[str, Any]]) -> None:
    for name, row in rows.items():
        sizes = row["rss_mib"]
        each = row["calls"] / len(sizes)
        counts = [each * (number + 1) for number in range(len(sizes))]
        axes.plot(counts, [size - sizes[0] for size in sizes], color=COLOURS.get(name, "#000000"), label=name)
