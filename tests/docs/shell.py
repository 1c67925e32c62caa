"""A shell for the commands of a page, and the comparison of what they print with what the page shows."""

import re
import select
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

COMMAND_S = 60
_END = "__end_of_command__"
_PLACE = "\N{BULLET}"
# An id of a key may be letters alone.
_IDS = re.compile(r"\b(?=[a-z]*\d)[a-z0-9_]{12,}\b|\b[0-9a-f]{12,}\b|\b[a-z2-7]{16}\b")
_KEY = re.compile(r"\bhk_\w+")
_NUMBER = re.compile(r"[~$]*\d[\d.,:]*\d|[~$]*\d")
_SPAN = re.compile(rf"{_PLACE} ?(?:ms|s|min|m|h|d|KiB|MiB)\b")


@dataclass(frozen=True, slots=True)
class Step:
    """A command, and what a page shows of its output."""

    command: str
    shown: tuple[str, ...]


def steps(text: str) -> Iterator[Step]:
    """The commands of a transcript: lines that begin with `$ `, as far as quotes and backslashes carry them on."""
    command, shown = "", list[str]()
    for line in text.rstrip("\n").split("\n"):
        if command and not _whole(command):
            command += "\n" + line
        elif line.startswith("$ "):
            if command:
                yield Step(command, tuple(shown))
            command, shown = line[2:], []
        elif command:
            shown.append(line)
        else:
            raise ValueError(f"a transcript begins with a command, not with {line!r}")
    if command:
        yield Step(command, tuple(shown))


def _whole(command: str) -> bool:
    """Whether a shell would take it as it is. A here-document ends where its word stands."""
    if here := re.search(r"<<-?'?(\w+)'?", command):
        return bool(re.search(rf"^\s*{here[1]}$", command, flags=re.MULTILINE))
    quote, escaped = "", False
    for letter in command:
        if escaped:
            escaped = False
        elif letter == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
    return not quote and not escaped


def shape(line: str) -> str:
    """A line without what differs from one run to the next: numbers, times, ids, how wide a column is."""
    line = re.sub(r"[\u2580-\u259f]+", "", line)
    line = _IDS.sub(_PLACE, _KEY.sub("hk_", line))
    line = _SPAN.sub(_PLACE, _NUMBER.sub(_PLACE, line))
    return " ".join(line.split())


def fits(shown: str, seen: str) -> bool:
    """Whether a line has the shape of the one on the page, whose `…` stands for anything."""
    pattern = ".*".join(re.escape(part.strip()) for part in re.split(r"\[…\]|…", shape(shown)))
    return re.fullmatch(pattern, shape(seen)) is not None


def compare(shown: tuple[str, ...], seen: list[str]) -> str | None:
    """What a page shows that was not printed; None where all of it was, in its order. A line that is `…` alone stands
    for any number of lines.
    """
    place = 0
    for position, line in enumerate(shown):
        if line.strip() in ("…", "[…]"):
            continue
        loose = position > 0 and shown[position - 1].strip() in ("…", "[…]")
        rest = seen[place:] if loose else seen[place : place + 1]
        found = next((at for at, one in enumerate(rest) if fits(line, one)), None)
        if found is None:
            return line
        place += found + 1
    if shown and place < len(seen) and shown[-1].strip() not in ("…", "[…]"):
        return f"(no line more, such as {seen[place]!r})"
    return None


def renamed(shown: tuple[str, ...], seen: list[str]) -> dict[str, str]:
    """The ids of a page, with those that stand in their places now: later commands of the page use them."""
    names: dict[str, str] = {}
    for line, real in zip(shown, seen, strict=False):
        ours, theirs = (_IDS.findall(text) for text in (line, real))
        if len(ours) == len(theirs) and fits(line, real):
            names |= dict(zip(ours, theirs, strict=True))
    return names


class Shell:
    """One bash: what a command exports is there for the next."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def run(self, command: str, timeout_s: float = COMMAND_S) -> tuple[int, list[str]]:
        """Its exit status and the lines that it printed, on whichever stream."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{{\n{command}\n}} </dev/null\nprintf '\\n%s %s\\n' {_END} $?\n".encode())
        self._process.stdin.flush()
        text = self._read(time.monotonic() + timeout_s)
        printed, _, status = text.rpartition(f"{_END} ")
        lines = printed.rstrip("\n").split("\n")
        return int(status), [] if lines == [""] else lines

    def _read(self, until: float) -> str:
        assert self._process.stdout is not None
        text = b""
        while not re.search(rf"^{_END} \d+\n$".encode(), text, flags=re.MULTILINE):
            left = until - time.monotonic()
            if left <= 0 or not select.select([self._process.stdout], [], [], left)[0]:
                raise TimeoutError(f"the command did not end; so far it printed\n{text.decode(errors='replace')}")
            piece = self._process.stdout.read1(65536)  # type: ignore[attr-defined]
            if not piece:
                raise EOFError(f"the shell has ended after\n{text.decode(errors='replace')}")
            text += piece
        return text.decode(errors="replace")
