"""Holds the house's size budget: how long files and functions of services/ may be. Prints the figures, fails beyond."""

import ast
import sys
from pathlib import Path

FILE_BUDGET = (150, 450, 600)
FUNCTION_BUDGET = (9, 45, 80)
"""Median, 95th percentile and hard stop, in lines."""


def _percentile(lengths: list[int], share: float) -> int:
    ordered = sorted(lengths)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _beyond(kind: str, lengths: dict[str, int], budget: tuple[int, int, int]) -> list[str]:
    median, p95 = _percentile(list(lengths.values()), 0.5), _percentile(list(lengths.values()), 0.95)
    print(f"note: {len(lengths)} {kind}s: median {median} lines, p95 {p95} (budget {budget[0]}, {budget[1]})")
    found = [f"{where}: {length} lines, at most {budget[2]}" for where, length in lengths.items() if length > budget[2]]
    if median > budget[0]:
        found.append(f"the median {kind} has {median} lines, at most {budget[0]}")
    if p95 > budget[1]:
        found.append(f"the 95th percentile of {kind}s is {p95} lines, at most {budget[1]}")
    return found


def main() -> int:
    """The exit status: 0 within the budget, else 1."""
    root = Path(__file__).resolve().parents[1]
    files: dict[str, int] = {}
    functions: dict[str, int] = {}
    for path in sorted((root / "services").rglob("*.py")):
        text, name = path.read_text(encoding="utf-8"), str(path.relative_to(root))
        files[name] = text.count("\n") + 1
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                functions[f"{name}:{node.lineno} {node.name}"] = (node.end_lineno or node.lineno) - node.lineno + 1
    found = _beyond("file", files, FILE_BUDGET) + _beyond("function", functions, FUNCTION_BUDGET)
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
