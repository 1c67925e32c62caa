"""Moves the wall clock of a router under test: on SIGUSR2 by the seconds that a file names.

Python imports it by itself where its folder is on the path; it changes nothing where no file is named.
"""

import os
import signal
import time
from pathlib import Path

_FILE = os.environ.get("HEDGEROW_TEST_CLOCK")


def _install(path: Path) -> None:
    real, offset_s = time.time, 0.0

    def moved() -> float:
        return real() + offset_s

    def read(number: int, frame: object) -> None:
        nonlocal offset_s
        offset_s = float(path.read_text())

    time.time = moved
    signal.signal(signal.SIGUSR2, read)


if _FILE is not None:
    _install(Path(_FILE))
