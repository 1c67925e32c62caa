"""The process that reads configurations for a router that goes on serving meanwhile.

Its standard input has one `question` a line: the path of a file, or what a file would say. For each it writes the
settings to standard output in pieces, so that whoever puts them together can pause between them. It ends with its
standard input, and so with the router.
"""

import base64
import contextlib
import gc
import hashlib
import json
import os
import pickle
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from hedgerow_server.config.load import ConfigError, Fault
from hedgerow_server.config.model import Section

MAX_FILE_BYTES = 32 * 1024 * 1024
MAX_FAULTS = 200
HEADER = struct.Struct(">cI")
"""Before every frame: its kind, and its length in bytes."""
PIECE, END, FAULTS = b"p", b"e", b"f"
"""A Piece; the fingerprint, after all pieces; a list of Fault, in the place of pieces."""

Piece = tuple[str, str | None, object]
"""A section of the file; or, of a section that is a mapping of names, one entry with its name."""
Frame = tuple[bytes, object]
"""The kind, and what is told."""


def pieces(settings: Section) -> Iterator[Piece]:
    """What the file says, in pieces of at most one provider or route."""
    for name in sorted(settings.model_fields_set):
        value = getattr(settings, name)
        if not isinstance(value, dict):
            yield name, None, value
            continue
        yield name, None, {}
        for key in sorted(value):
            yield name, key, value[key]


def fingerprint(settings: Section) -> str:
    """SHA-256 of the settings, lower-case hex: defaults as if written out, keys sorted. They hold no secrets."""
    canonical = json.dumps(settings.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def question(path: Path, text: bytes | None) -> bytes:
    """A line for the process. With `text` nothing is read: the path is but what faults call it."""
    asked = [str(path)] if text is None else [str(path), base64.b64encode(text).decode()]
    return json.dumps(asked).encode() + b"\n"


def _asked(line: bytes) -> tuple[Path, bytes | None]:
    path, *text = json.loads(line)
    return Path(path), base64.b64decode(text[0]) if text else None


def work(parse: Callable[[Path, bytes | None], Section]) -> None:
    """Answers until standard input ends. `parse` gives the settings in a file, or in a text where there is one; or
    raises ConfigError.
    """
    # Whatever prints, such as a library, must not get between the frames. Where the router was killed nobody takes what
    # is left of them.
    with contextlib.suppress(BrokenPipeError), os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)
        # A parsed file is used once and gone: looking for cycles in it is wasted.
        gc.disable()
        for line in sys.stdin.buffer:
            with contextlib.suppress(BrokenPipeError):
                for frame in _answer(*_asked(line), parse):
                    _write(out, frame)
                out.flush()


def _answer(path: Path, text: bytes | None, parse: Callable[[Path, bytes | None], Section]) -> Iterator[Frame]:
    try:
        _check_size(path, text)
        settings = parse(path, text)
    except ConfigError as error:
        yield FAULTS, error.faults[:MAX_FAULTS]
        return
    except (MemoryError, RecursionError) as error:
        yield FAULTS, [Fault(str(path), 1, "", f"it is too much to read ({type(error).__name__})")]
        return
    for piece in pieces(settings):
        yield PIECE, piece
    yield END, fingerprint(settings)


def _check_size(path: Path, text: bytes | None) -> None:
    try:
        size = path.stat().st_size if text is None else len(text)
    except OSError:
        return  # reading it says why
    if size > MAX_FILE_BYTES:
        raise ConfigError([Fault(str(path), 1, "", f"expected at most {MAX_FILE_BYTES} bytes, not {size}")])


def _write(out: BinaryIO, frame: Frame) -> None:
    kind, content = frame
    data = pickle.dumps(content, protocol=pickle.HIGHEST_PROTOCOL)
    out.write(HEADER.pack(kind, len(data)))
    out.write(data)
