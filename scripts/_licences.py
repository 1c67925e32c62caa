"""The licences of all that is installed with the router, with every extra: whether each is one that may be.

Usage: python scripts/_licences.py [--check]
  --check  prints only what is wrong; fails where something is
"""

import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement

ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "PSF-2.0",
    "Zlib",
}
"""SPDX names. They let whoever distributes the image go on doing so under its own licence."""
EXCEPTIONS = {
    # Imported as it is published and replaceable by whoever has the image: what the LGPL asks for.
    "python-stdnum": "LGPL-2.1-or-later",
}
WORDS = {
    "3-clause bsd license": "BSD-3-Clause",
    "apache 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "gnu lesser general public license v2 or later (lgplv2+)": "LGPL-2.1-or-later",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
}
"""What older metadata says, in SPDX's words."""


def licences(found: Distribution) -> set[str]:
    """The SPDX names in a distribution's metadata, all that it names; empty where it names none."""
    data = found.metadata
    if expressions := data.get_all("License-Expression"):
        return _words(expressions[0])
    classified = [one.rpartition(" :: ")[2] for one in data.get_all("Classifier") or () if one.startswith("License ::")]
    stated = classified or "".join(data.get_all("License") or ()).splitlines()[:1]
    return {name for one in stated for name in (_words(one) if one.lower() not in WORDS else {WORDS[one.lower()]})}


def _words(expression: str) -> set[str]:
    return {word for word in re.split(r"\s+(?:AND|OR)\s+|[()]", expression) if word.strip()}


def installed(name: str = "hedgerow", extras: tuple[str, ...] | None = None) -> dict[str, Distribution]:
    """A distribution and all that it needs on this machine, by their names; None: with all its extras."""
    known: dict[str, Distribution] = {}
    waiting = [(name, extras)]
    seen: set[tuple[str, tuple[str, ...] | None]] = set()
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        try:
            found = distribution(one[0])
        except PackageNotFoundError:
            # Of an extra for another Python or another system.
            continue
        known[one[0]] = found
        waiting += _needs(found, one[1])
    return known


def _needs(found: Distribution, extras: tuple[str, ...] | None) -> Iterator[tuple[str, tuple[str, ...]]]:
    wanted = tuple(found.metadata.get_all("Provides-Extra") or ()) if extras is None else extras
    for text in found.requires or ():
        needed = Requirement(text)
        if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in ("", *wanted)):
            yield re.sub(r"[-_.]+", "-", needed.name).lower(), tuple(sorted(needed.extras))


def problems(known: dict[str, Distribution]) -> list[str]:
    """What may not be, or cannot be told, a line each."""
    found = []
    for name, one in sorted(known.items()):
        named = licences(one)
        if EXCEPTIONS.get(name) in named:
            continue
        if not named:
            found.append(f"{name} {one.version}: its metadata names no licence")
        elif odd := sorted(named - ALLOWED):
            found.append(f"{name} {one.version}: {', '.join(odd)} is not on the list of scripts/_licences.py")
    return found


def main() -> int:
    """Prints a table, or what is wrong."""
    known = installed()
    wrong = problems(known)
    if "--check" not in sys.argv[1:]:
        for name, one in sorted(known.items()):
            print(f"{name} {one.version}  {' '.join(sorted(licences(one))) or '?'}")
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
