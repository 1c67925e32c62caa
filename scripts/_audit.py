"""Known weaknesses of pinned packages, as pip-audit finds them.

Usage: python scripts/_audit.py PIP_AUDIT REQUIREMENTS …
  PIP_AUDIT     the program
  REQUIREMENTS  files with hashes
Exit status: 0 there is none, 1 there is one, 3 it cannot be told, since no advisory service answers for all of them.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

FINE, WEAK, UNKNOWN = 0, 1, 3
SERVICES = ("pypi", "osv")
"""Asked in this order, until one knows every package: PyPI's own advisories, and https://osv.dev."""
_TIMEOUT_S = 15
_MOST_NAMED = 5

ACCEPTED: Mapping[str, str] = {}
"""Advisories that do not concern us, by their id, and why not. An entry goes when its fix is in the lock."""


def asked(program: str, service: str, files: Sequence[str]) -> list[dict[str, Any]] | str:
    """What a service says of each package of all files, or why it says nothing."""
    found: list[dict[str, Any]] = []
    for file in files:
        told = _asked(program, service, file)
        if isinstance(told, str):
            return told
        found += told
    return found


def _asked(program: str, service: str, file: str) -> list[dict[str, Any]] | str:
    command = [program, "--vulnerability-service", service, "--require-hashes", "--disable-pip", "--format", "json"]
    command += ["--progress-spinner", "off", "--timeout", str(_TIMEOUT_S), "--requirement", file]
    # Of our own cache folder, on our own lock.
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        return lines[-1].strip() if lines else f"pip-audit ended with {done.returncode}"
    # pip-audit takes those for fine, also where the service knew none at all.
    skipped = sorted(one["name"] for one in found if "skip_reason" in one)
    if skipped:
        more = ", …" if len(skipped) > _MOST_NAMED else ""
        return f"nothing is known of {len(skipped)} of {len(found)} packages: {', '.join(skipped[:_MOST_NAMED])}{more}"
    return found


def told(found: Sequence[Mapping[str, Any]]) -> tuple[int, list[str]]:
    """The exit status, and a line for each weakness and a last one."""
    lines = []
    for one in found:
        for weakness in one["vulns"]:
            ids = {weakness["id"], *weakness.get("aliases", ())}
            if not ids & ACCEPTED.keys():
                fixed = ", ".join(weakness["fix_versions"]) or "no version"
                lines.append(f"{one['name']} {one['version']}: {weakness['id']}, fixed in {fixed}")
    if lines:
        return WEAK, [*lines, f"{len(lines)} known weaknesses in {len(found)} packages"]
    return FINE, [f"no known weakness in {len(found)} packages"]


def main(arguments: Sequence[str]) -> int:
    """Asks one service after the other."""
    program, *files = arguments
    silent = []
    for service in SERVICES:
        found = asked(program, service, files)
        if not isinstance(found, str):
            status, lines = told(found)
            print("\n".join(lines))
            return status
        silent.append(f"{service}: {found}")
    print("known weaknesses could not be looked up: no advisory service answers for all packages", file=sys.stderr)
    print("\n".join(f"  {line}" for line in silent), file=sys.stderr)
    return UNKNOWN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
