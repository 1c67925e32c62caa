"""What the supervisor and its workers say to each other. Names, and the contents that have a shape."""

import msgspec

ENTER = "enter"
"""Worker asks: what the others keep, by name; from now on it is told of all changes."""
SERVING = "serving"
"""Worker tells: it takes calls."""
PROBLEMS = "problems"
"""Worker tells: why calls should not come to it."""
ALL = "all"
"""Worker asks: what all others answer to a question."""
KEEP = "keep"
"""Worker asks: to keep something for workers that start later."""
KEPT = "kept"
"""Worker asks: what is kept under a name."""
PAGES = "pages"
"""Worker asks, with its own numbers: those of all others."""
NUMBERS = "numbers"
"""Supervisor asks: a worker's numbers."""
SPEAK = "speak"
"""Supervisor tells: serve the admin doors, for all."""
FLEET = "fleet"
"""Supervisor tells: how the workers are."""
RELOAD = "reload"
"""Supervisor tells whoever speaks: somebody wants the configuration to be read again."""
DRAIN, HURRY = "drain", "hurry"
"""Supervisor tells: end; and: at once."""

CONFIG = "config"
SWITCHES = "switches"
DRAIN_S = "drain_s"
"""What is kept: the configuration in force with those before it, the kill switches, how long open calls may go on."""


class Question(msgspec.Struct, frozen=True, array_like=True):
    """What all others are asked, or what is to be kept: a name, and a content."""

    name: str
    content: bytes


class Said(msgspec.Struct, frozen=True, array_like=True):
    """What one worker has answered."""

    index: int
    ok: bool
    content: bytes
    """The answer, or why there is none, as text."""


class WorkerState(msgspec.Struct, frozen=True, array_like=True):
    """How a worker is."""

    index: int
    pid: int
    """0: it is not there just now."""
    serving: bool
    restarts: int
    """How often it was started again since it had ended by itself."""
    problems: tuple[str, ...] = ()
    """Why calls should not come to it, as it says."""


class Pages(msgspec.Struct, frozen=True, array_like=True):
    """Everybody's numbers but those of whoever asks."""

    living: list[bytes]
    gone: bytes
    """The counts of workers that have ended, as far as anybody had asked for them; empty: there are none."""
    fleet: list[WorkerState]
