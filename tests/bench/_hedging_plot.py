"""The figures of the hedging bench as a picture."""

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

TITLES = {"iid": "independent copies", "correlated": "correlated copies (0.5)", "regimes": "calm, spiky, brown-out"}
STYLES = {
    "none": ("without", "#999999", "-"),
    "best_fixed": ("best fixed delay", "#d98200", "--"),
    "hedged": ("Hedgerow", "#1b6e3c", "-"),
}


def _tail(axes: Axes, row: dict[str, Any], shares: list[float]) -> None:
    for key, (label, colour, style) in STYLES.items():
        axes.plot(row["curves_s"][key], shares, style, color=colour, label=label, linewidth=1.6)
    axes.axhline(0.01, color="#cccccc", linewidth=0.8, zorder=0)
    axes.annotate("p99", (0.35, 0.011), color="#888888", fontsize=8)
    axes.set(xscale="log", yscale="log", xlim=(0.3, 8), ylim=(1e-4, 1), xlabel="first token after … seconds")
    axes.set_xticks([0.5, 1, 2, 4, 8], ["0.5", "1", "2", "4", "8"])
    axes.minorticks_off()
    axes.set_title(f"{row['law']}: {TITLES[row['kind']]}\n{row['extra_calls_percent']:.2f} % extra calls", fontsize=9)


def _cuts(axes: Axes, rows: list[dict[str, Any]]) -> None:
    rows = sorted((row for row in rows if row["kind"] == "iid"), key=lambda row: float(row["best_cut_p99"]))
    places = range(len(rows))
    for shift, key, style in ((0.2, "best_cut_p99", "best_fixed"), (-0.2, "cut_p99", "hedged")):
        axes.barh([place + shift for place in places], [row[key] for row in rows], 0.4, color=STYLES[style][1])
    axes.set_yticks(list(places), [row["law"] for row in rows], fontsize=8)
    axes.set(xlim=(1, None), xlabel="p99 without / p99 with")
    axes.set_title("ten laws, independent copies\n≤ 5 % extra calls", fontsize=9)


def draw(found: dict[str, Any], path: Path) -> None:
    """Writes the picture."""
    figure, axes = plt.subplots(1, 4, figsize=(15, 4), layout="constrained")
    main = [row for row in found["rows"] if row["kind"] in TITLES and "curves_s" in row]
    for one, row in zip(axes, main, strict=False):
        _tail(one, row, found["tail_shares"])
    axes[0].set_ylabel("share of calls still waiting")
    axes[0].legend(fontsize=8, loc="lower left")
    _cuts(axes[3], found["rows"])
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)
