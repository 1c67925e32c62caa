"""What came out, as a table for the terminal and as Markdown for the page; pictures are drawn from the same figures."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Results = Mapping[str, Mapping[str, Mapping[str, Any]]]
BEGIN, END = "<!-- figures: begin (scripts/bench writes what follows) -->", "<!-- figures: end -->"
Cell = Callable[[Mapping[str, Any]], str]


def _cost(row: Mapping[str, Any]) -> str:
    low, high = row.get("interval") or (min(row["all"]), max(row["all"]))
    return f"{row['cpu_us']:,.1f} [{low:,.1f}, {high:,.1f}]"


def _ratio(row: Mapping[str, Any]) -> str:
    if "ratio" not in row:
        return ""
    low, high = row["ratio_interval"]
    return f"{row['ratio']:.2f} [{low:.2f}, {high:.2f}]"


def _plain(key: str) -> Cell:
    return lambda row: f"{row[key]:,}" if key in row else ""


def _frontier(bound: str) -> Cell:
    return lambda row: f"{row['frontier_per_s'][bound]:,}"


def _slope(row: Mapping[str, Any]) -> str:
    low, high = row["interval"]
    return f"{row['bytes_per_call']:,.0f} [{low:,.0f}, {high:,.0f}]"


_COSTS: dict[str, Cell] = {
    "CPU-µs": _cost,
    "to Hedgerow": _ratio,
    "units a second": _plain("per_s"),
    "of its core": _plain("gateway_share"),
    "load's share": _plain("load_share"),
}
_ADDED: dict[str, Cell] = {
    "added p50 ms": _plain("added_p50_ms"),
    "added p99 ms": _plain("added_p99_ms"),
    "of its core": _plain("gateway_share"),
}
_GROWTH: dict[str, Cell] = {"bytes a call": _slope, "calls": _plain("calls")}
SECTIONS: Sequence[tuple[str, str, dict[str, Cell]]] = (
    ("unary_1kb", "A unary chat with a prompt of 1 KB", _COSTS),
    ("chunk_burst", "A piece of a stream of 64 that comes as fast as it can, for each piece from upstream", _COSTS),
    (
        "chunk_paced",
        "A piece of a stream of 64, one every 20 ms, 16 streams at once",
        _COSTS
        | {
            "gap added p50 ms": _plain("gap_added_p50_ms"),
            "p99 ms": _plain("gap_added_p99_ms"),
            "messages a piece": _plain("messages_per_piece"),
        },
    ),
    ("unary_0_25kb", "A unary chat, 0.25 KB", _COSTS),
    ("unary_4kb", "A unary chat, 4 KB", _COSTS),
    ("unary_64kb", "A unary chat, 64 KB", _COSTS),
    ("unary_300kb", "A unary chat, 300 KB", _COSTS),
    ("embed_16_float", "Embeddings of 16 texts, 1,536 dimensions, floats from upstream", _COSTS),
    ("embed_16_base64", "Embeddings of 16 texts, 1,536 dimensions, base64 from upstream", _COSTS),
    ("behind_door_unary", "A unary call behind the door: null door, null upstream, no telemetry", {"CPU-µs": _cost}),
    ("behind_door_telemetry_unary", "The same with telemetry", {"CPU-µs": _cost}),
    ("behind_door_chunk", "A piece of a stream behind the door, no telemetry", {"CPU-µs": _cost}),
    ("behind_door_telemetry_chunk", "The same with telemetry", {"CPU-µs": _cost}),
    (
        "throughput",
        "Throughput on one core, calls a second: at most, and with a p99 of at most",
        {"at most": _plain("per_s")} | {f"{bound} ms": _frontier(bound) for bound in ("1", "5", "10", "50", "100")},
    ),
    (
        "open_loop_30",
        "Open loop at 30 % of the system's own throughput",
        _ADDED | {"calls a second": _plain("rate_per_s")},
    ),
    ("open_loop_60", "Open loop at 60 %", _ADDED | {"calls a second": _plain("rate_per_s")}),
    ("first_token", "First token of a stream, one at a time", _ADDED),
    ("memory_idle", "Memory before the first call", {"MiB": _plain("rss_mib")}),
    (
        "memory_open_streams",
        "Memory of open, idle streams",
        {
            "KiB a stream": _plain("kib_per_stream"),
            "MiB per 1,000": _plain("mib_per_1000"),
            "streams": _plain("streams"),
        },
    ),
    ("growth_unary", "What a unary call leaves behind", _GROWTH),
    ("growth_cancelled_unary", "What a unary call leaves behind that its caller left", _GROWTH),
    ("growth_cancelled_stream", "What a stream leaves behind that its caller left", _GROWTH),
    (
        "scale",
        "A unary chat of 1 KB with so many keys, tenants and routes, each call another; ratio to the least",
        _COSTS
        | {
            "MiB": _plain("rss_mib"),
            "up after s": _plain("up_after_s"),
            "bytes a key and route": _plain("bytes_per_key_and_route"),
        },
    ),
    (
        "reload",
        "A reload, with 200 calls a second coming in",
        {
            "routes": _plain("routes"),
            "longest call ms": _plain("longest_ms"),
            "without ms": _plain("longest_without_ms"),
            "worst p99 ms": _plain("p99_ms"),
            "in force after s": _plain("in_force_after_s"),
            "failed": _plain("failed"),
        },
    ),
)


def _void(row: Mapping[str, Any]) -> str:
    return str(row.get("void") or row.get("at_least") or "")


def _cells(row: Mapping[str, Any], columns: Mapping[str, Cell]) -> list[str]:
    found = []
    for cell in columns.values():
        try:
            found.append(cell(row))
        except (KeyError, TypeError):
            found.append("")
    return found


def table(results: Results) -> str:
    """For the terminal."""
    lines: list[str] = []
    for name, title, columns in SECTIONS:
        if name not in results:
            continue
        lines += ["", f"{title} ({name})"]
        rows = [["", *columns, ""]] + [
            [system, *_cells(row, columns), f"VOID: {_void(row)}" if "void" in row else _void(row)]
            for system, row in results[name].items()
        ]
        widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
        for row in rows:
            text = "  ".join(cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1], strict=True))
            lines.append(f"  {row[0].ljust(widths[0])}  {text}  {row[-1][:80]}".rstrip())
    return "\n".join(lines)


def markdown(results: Results, pictures: Sequence[tuple[str, str]]) -> str:
    """For the page."""
    run = results["_run"]
    machine = run["machine"]
    plan = run["arguments"]["plan"]
    head = (
        f"A run of `scripts/bench {plan} --peers {','.join(run['arguments']['peers'])}` on {machine['date']}, revision "
        f"`{machine['revision']}`: {machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, Linux "
        f"{machine['kernel']}, Python {machine['python']}, grpcio {run['versions']['grpcio']}, upstream client "
        f"`{run['arguments']['transport']}`. Load average before the run {machine['load_average_before'][0]}, after it "
        f"{machine['load_average_after'][0]} (the run itself is about 1.5 of it)."
    )
    lines = [
        head,
        "",
        "| system | what it is | what it does |",
        "| --- | --- | --- |",
    ]
    if busy := run["missing"]["busy"]:
        lines[1:1] = ["", f"**{busy}**"]
    lines += [f"| {name} | {one['title']} | {one['note']} |" for name, one in run["systems"].items()]
    for path, text in pictures:
        lines += ["", f"![{text}]({path})"]
    for name, title, columns in SECTIONS:
        if name in results:
            lines += ["", f"### {title}", "", *_table(results[name], columns)]
    return "\n".join(lines)


def _table(rows: Mapping[str, Mapping[str, Any]], columns: Mapping[str, Cell]) -> list[str]:
    lines = ["| | " + " | ".join(columns) + " |", "| --- |" + " ---: |" * len(columns)]
    for system, row in rows.items():
        why = _void(row)
        if "void" in row:
            lines.append(
                f"| {system} | " + " | ".join([f"void: {_plain_text(why)}", *[""] * (len(columns) - 1)]) + " |"
            )
        else:
            mark = " (at least)" if why else ""
            lines.append(f"| {system}{mark} | " + " | ".join(_cells(row, columns)) + " |")
    return lines


def _plain_text(text: str) -> str:
    return text.replace("|", "/").replace("\n", " ").replace("<", "(").replace(">", ")")[:100]


def write_page(page: Path, name: str, results: Results) -> None:
    """Puts the figures of a run into the page, with the raw ones and the pictures beside it."""
    from bench.harness.plots import draw

    folder = page.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    pictures = [(f"{folder.name}/{file}", text) for file, text in draw(results, folder)]
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n\n{markdown(results, pictures)}\n\n{END}{after}", encoding="utf-8")
