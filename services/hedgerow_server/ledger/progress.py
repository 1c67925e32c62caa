"""How far the records of a spool are in the store.

What is kept anew takes the place of what was kept before, so records must not be kept again after later ones.
"""

import os
from pathlib import Path

NAME = "stored"
"""The file in a router's folder."""
_TEXT = "{:08d} {:019d}\n"


class Progress:
    """The place up to which everything is stored: the number of a segment, and a place in it."""

    __slots__ = ("_fd", "at", "number")

    def __init__(self, folder: Path) -> None:
        """Reads it, or begins at the beginning. Raises OSError."""
        self._fd = os.open(folder / NAME, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        self.number, self.at = _parsed(os.pread(self._fd, len(_TEXT.format(0, 0)), 0))

    def reached(self, number: int, at: int) -> None:
        """Everything up to there is stored. Raises OSError."""
        os.pwrite(self._fd, _TEXT.format(number, at).encode(), 0)
        self.number, self.at = number, at

    def sync(self) -> None:
        """Has the disk take it, before what lies behind is deleted. Raises OSError."""
        os.fdatasync(self._fd)

    def close(self) -> None:
        """Closes the file."""
        os.close(self._fd)


def _parsed(text: bytes) -> tuple[int, int]:
    number, _, at = text.decode("ascii", "replace").strip("\n\0").partition(" ")
    return (int(number), int(at)) if number.isdigit() and at.isdigit() else (0, 0)
