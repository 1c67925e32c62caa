"""The catalogue: which models a provider has, and what is known of them."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from hedgerow_server.catalogue.page import Facts, Page, model_facts, read
from hedgerow_server.catalogue.shelf import Shelf
from hedgerow_server.config.load import ConfigError
from hedgerow_server.core.model import ModelFacts

_log = logging.getLogger(__name__)
_DATA = Path(__file__).parent / "data"
_EMPTY = Shelf({})

Mark = tuple[int, int, int] | None


class _Overlay(msgspec.Struct, frozen=True):
    """A file of the configuration: the mark that it had when it was last tried, and the last page that was good."""

    path: Path
    mark: Mark
    page: Page


class _Edition(msgspec.Struct):
    """What holds until a file changes. Shelves come as they are asked for."""

    number: int
    overlays: tuple[_Overlay, ...]
    shelves: dict[str, Shelf]


def families() -> frozenset[str]:
    """The families that come with the router."""
    return frozenset(path.stem for path in _DATA.glob("*.yaml"))


class Catalogue:
    """The models that come with the router, with the files of the configuration over them.

    A family is one provider's set of models, such as "openai"; several configured providers may share it. Its data is
    read when it is asked for the first time, so ask for each family once before calls come (`load`). Reading is for any
    thread, `refresh` for one at a time.
    """

    def __init__(self, files: Sequence[Path] = ()) -> None:
        """Raises ConfigError where a file cannot be used."""
        overlays = tuple(_Overlay(path, _mark(path), read(path)) for path in files)
        self._edition = _Edition(0, overlays, {})

    @property
    def edition(self) -> int:
        """A number that grows with every change."""
        return self._edition.number

    def facts(self, family: str | None, model: str) -> ModelFacts | None:
        """What is known of a model by the provider's own name of it, or by an alias, a version, a place or a fine-tuned
        name of it (see `Shelf.find`). None where nothing is known, and for the family None.
        """
        return self._shelf(family).find(model) if family is not None else None

    def models(self, family: str | None) -> tuple[tuple[str, ModelFacts], ...]:
        """Every model that a key of the provider reaches, by the provider's own name and sorted by it; none for a
        family whose models an account must deploy first, and for the family None.
        """
        shelf = self._shelf(family) if family is not None else _EMPTY
        return shelf.models() if shelf.listed else ()

    def load(self, wanted: Iterable[str | None]) -> None:
        """Reads the data of these families, so that nobody waits for it later. Raises ConfigError."""
        for family in wanted:
            if family is not None:
                self._shelf(family)

    def refresh(self) -> bool:
        """Reads every file again that has changed; tells whether the catalogue has. A file that cannot be used is
        logged once for each change of it, and the last good one stays. Blocks on files: for a thread.
        """
        before = self._edition
        overlays = tuple(_again(overlay) for overlay in before.overlays)
        changed = any(new.page is not old.page for new, old in zip(overlays, before.overlays, strict=True))
        edition = _Edition(before.number + changed, overlays, {} if changed else before.shelves)
        if changed:
            for family in before.shelves:
                edition.shelves[family] = _build(family, overlays)
        self._edition = edition
        return changed

    def _shelf(self, family: str) -> Shelf:
        edition = self._edition
        shelf = edition.shelves.get(family)
        if shelf is None:
            shelf = edition.shelves[family] = _build(family, edition.overlays)
        return shelf


def _mark(path: Path) -> Mark:
    """What tells that a file has changed; None where it is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _again(overlay: _Overlay) -> _Overlay:
    mark = _mark(overlay.path)
    if mark == overlay.mark:
        return overlay
    try:
        page = read(overlay.path)
    except ConfigError as error:
        _log.warning("%s; what the catalogue file said before stays in force", error)
        page = overlay.page
    else:
        _log.info("read the catalogue file %s again", overlay.path)
    return _Overlay(overlay.path, mark, page)


def _build(family: str, overlays: tuple[_Overlay, ...]) -> Shelf:
    packaged = _DATA / f"{family}.yaml"
    pages = [read(packaged)] if packaged.exists() else []
    pages += [overlay.page for overlay in overlays if overlay.page.family == family]
    merged: dict[str, Facts] = {}
    listed = True
    for page in pages:
        listed = listed if page.listed is None else page.listed
        for name, facts in page.models.items():
            if facts is None:
                merged.pop(name, None)
            else:
                merged[name] = {**merged.get(name, {}), **facts}
    return Shelf({name: model_facts(facts) for name, facts in merged.items()}, listed=listed)
