"""Reads a usage export, whichever provider's."""

import gzip
import itertools
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from hedgerow_client.books import anthropic, aws, openai
from hedgerow_client.books.figures import Book, ExportError, Figure
from hedgerow_client.books.pages import elements

FAMILIES = ("openai", "anthropic", "aws")
"""Whose exports are known."""


def read(path: Path) -> tuple[str, Book]:
    """The provider and its book. CSV is read a line, JSON a bucket at a time. Raises ExportError, OSError."""
    try:
        with _opened(path) as stream:
            first = stream.readline()
        with _opened(path) as stream:
            if aws.is_header(first):
                return "aws", Book().add(aws.figures(stream))
            return _pages(elements(stream))
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise ExportError(f"{path}: no whole file of gzip") from None
    except UnicodeDecodeError:
        raise ExportError(f"{path}: no text in UTF-8") from None
    except ExportError as error:
        raise ExportError(f"{path}: {error}") from None


def _pages(buckets: Iterator[dict[str, object]]) -> tuple[str, Book]:
    first = next(buckets, None)
    if first is None:
        raise ExportError("neither a Cost and Usage Report nor pages of OpenAI's or Anthropic's usage or costs")
    family = next((name for name, one in (("openai", openai), ("anthropic", anthropic)) if one.is_bucket(first)), None)
    if family is None:
        raise ExportError("pages of another API than OpenAI's or Anthropic's usage or costs")
    reading = openai if family == "openai" else anthropic
    every = itertools.chain([first], buckets)
    return family, Book().add(_figures(reading.figures(one) for one in every if _is(reading.is_bucket(one))))


def _is(known: bool) -> bool:
    if not known:
        raise ExportError("a page of another API among the others")
    return True


def _figures(buckets: Iterable[Iterable[Figure | None]]) -> Iterator[Figure | None]:
    return itertools.chain.from_iterable(buckets)


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as stream:
            yield stream
    else:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            yield stream
