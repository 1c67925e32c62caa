"""A call as a picture: its spans, one below the other, and the metrics that count it."""

from collections.abc import Iterable, Mapping
from html import escape

from telemetry.collector import Seen

_WIDTH, _LEFT, _ROW, _TOP = 960, 300, 34, 46
_RIGHT = 130
_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.small { font-size: 11px; fill: #59636e }
.mono { font: 11px ui-monospace, monospace; fill: #59636e }
.grid { stroke: #d1d9e0; stroke-width: 1 }
.server { fill: #0969da } .internal { fill: #8c959f } .succeeded { fill: #1a7f37 } .failed { fill: #cf222e }
.lost { fill: #bf8700 } .mark { stroke: #1f2328; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .small, .mono { fill: #9198a1 } .grid { stroke: #3d444d } .mark { stroke: #e6edf3 }
  .server { fill: #4493f8 } .internal { fill: #656c76 } .succeeded { fill: #3fb950 } .failed { fill: #f85149 }
  .lost { fill: #d29922 }
}
"""


def picture(spans: Iterable[Seen], metrics: Mapping[str, float]) -> str:
    """The SVG. `metrics` are those that the call has changed, and by how much."""
    order = {"server": 0, "internal": 1, "client": 2}
    rows = sorted(spans, key=lambda one: (order[one.kind], one.start_s))
    begun_s, ended_s = min(one.start_s for one in rows), max(one.end_s for one in rows)
    scale = (_WIDTH - _LEFT - _RIGHT) / (ended_s - begun_s)

    def x(at_s: float) -> float:
        return round(_LEFT + (at_s - begun_s) * scale, 1)

    bottom = _TOP + len(rows) * _ROW
    height = bottom + 40 + 17 * len(metrics)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">',
        "<title>The spans of a hedged call that failed over</title>",
        f"<style>{_STYLE}</style>",
    ]
    for share in range(5):
        at_s = begun_s + (ended_s - begun_s) * share / 4
        parts.append(f'<line class="grid" x1="{x(at_s)}" x2="{x(at_s)}" y1="{_TOP - 12}" y2="{bottom}"/>')
        label = f"{(at_s - begun_s) * 1000:.0f} ms"
        parts.append(f'<text class="small" x="{x(at_s)}" y="{_TOP - 18}" text-anchor="middle">{label}</text>')
    for number, one in enumerate(rows):
        parts += _row(one, x(one.start_s), max(2.0, x(one.end_s) - x(one.start_s)), _TOP + number * _ROW)
        for event in one.message.events:
            at, y = x(event.time_unix_nano / 1e9), _TOP + number * _ROW
            parts.append(f'<line class="mark" x1="{at}" x2="{at}" y1="{y}" y2="{y + 22}"/>')
    for number, (name, value) in enumerate(metrics.items()):
        parts.append(f'<text class="mono" x="12" y="{bottom + 32 + 17 * number}">{escape(name)} +{value:g}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _row(one: Seen, left: float, width: float, top: int) -> list[str]:
    said = one.attributes
    indent = 12 if one.kind == "server" else 28
    outcome = str(said.get("hedgerow.attempt.outcome", ""))
    look = {"succeeded": "succeeded", "failed": "failed"}.get(outcome, "lost") if outcome else one.kind
    title = one.name.rpartition("/")[2] if one.kind == "server" else one.name
    if outcome:
        title = f"{said['hedgerow.attempt.number']}. {said['hedgerow.attempt.kind']} at {said['hedgerow.provider']}"
    below = outcome or str(said.get("rpc.response.status_code", ""))
    if reason := said.get("error.type"):
        below += f", {reason}"
    length = f"{(one.end_s - one.start_s) * 1000:.1f} ms"
    return [
        f'<text x="{indent}" y="{top + 10}">{escape(title)}</text>',
        f'<text class="small" x="{indent}" y="{top + 24}">{escape(below)}</text>',
        f'<rect class="{look}" x="{left}" y="{top + 3}" width="{round(width, 1)}" height="16" rx="3"/>',
        f'<text class="small" x="{round(left + width + 6, 1)}" y="{top + 15}">{length}</text>',
    ]
