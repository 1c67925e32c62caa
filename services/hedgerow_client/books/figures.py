"""What a usage export says, in one form: figures by day, model and class."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

PICOS = 10**12
INPUT, CACHE_READ, CACHE_WRITE, CACHE_WRITE_LONG = "input", "cache_read", "cache_write", "cache_write_long"
"""Input that was processed anew, of any modality; and what was read from and written to the provider's cache."""
OUTPUT, COST = "output", "cost"
"""All output, reasoning included; and money, in 10^-12 US dollars."""
CLASSES = (INPUT, CACHE_READ, CACHE_WRITE, CACHE_WRITE_LONG, OUTPUT, COST)


class ExportError(Exception):
    """A file is no usage export, or has something in it that cannot be read; the text says what and where."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of an export. `model` is empty where it is for all models together."""

    day: str
    model: str
    name: str
    amount: int
    family: str = ""
    """Whose models these are, as far as the export says it: its words for the product."""


@dataclass(slots=True)
class Book:
    """Sums of figures by (day, model, class), and how many figures of money each sum is of."""

    sums: dict[tuple[str, str, str], int] = field(default_factory=lambda: defaultdict(int))
    moneys: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    skipped: int = 0
    """Lines that are about something else."""

    def add(self, figures: Iterable[Figure | None]) -> "Book":
        """Adds figures, one at a time; None is a line that was skipped."""
        for one in figures:
            if one is None:
                self.skipped += 1
                continue
            self.sums[one.day, one.model, one.name] += one.amount
            if one.name == COST:
                self.moneys[one.day, one.model] += 1
        return self

    @property
    def days(self) -> set[str]:
        """The days that it is about."""
        return {day for day, _, _ in self.sums}

    @property
    def models(self) -> set[str]:
        """The models that it names."""
        return {model for _, model, _ in self.sums if model}

    @property
    def names(self) -> set[str]:
        """The classes that it has anything of."""
        return {name for _, _, name in self.sums}


def day_of(unix_s: float) -> str:
    """The UTC day of a time."""
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%d")


def picos(text: str, per_unit: int = PICOS) -> int:
    """A decimal number of units as 10^-12 US dollars, rounded half to even. Raises ExportError."""
    try:
        return int((Decimal(text) * per_unit).to_integral_value())
    except ArithmeticError:
        raise ExportError(f"{text!r} is no number") from None
