"""The models of one family, and how names find them."""

from collections.abc import Mapping

import msgspec

from hedgerow_server.catalogue.names import fine_tuned_from, stem, unqualified, unwrapped
from hedgerow_server.core.model import ModelFacts


class Shelf:
    """All models of one family. Immutable once built. Names compare without regard to case."""

    def __init__(self, models: Mapping[str, ModelFacts], *, listed: bool = True) -> None:
        """`listed` says whether a key of the provider reaches all of them."""
        self._models = tuple(sorted(models.items()))
        self.listed = listed
        placeless = {unwrapped(name.lower()): facts for name, facts in models.items()}
        aliases = {alias.lower(): facts for facts in models.values() for alias in facts.aliases}
        self._names = placeless | aliases | {name.lower(): facts for name, facts in models.items()}
        self._newest = {
            short: facts
            for name, facts in self._models
            if (short := stem(unwrapped(name.lower()))) and short not in self._names
        }

    def models(self) -> tuple[tuple[str, ModelFacts], ...]:
        """Every model by its name, sorted."""
        return self._models

    def find(self, model: str) -> ModelFacts | None:
        """The facts of a model; None where its name is not known.

        Tried in this order: the name itself, its aliases included; the name without where it stands (`names.unwrapped`)
        and without a qualifier (`names.unqualified`); the name without its version (`names.stem`), then the newest
        version of a name without one. A fine-tuned model has the facts of what it was made of. A version and a
        fine-tuned model may retire on another day than their model, so of these the day is not told.
        """
        name = model.lower()
        made_of = fine_tuned_from(name)
        plain = made_of or unwrapped(name)
        same = self._names.get(name) or self._names.get(plain) or self._names.get(unqualified(plain))
        if same is not None:
            return _of_a_kin(same) if made_of else same
        short = stem(plain) or stem(unqualified(plain))
        kin = self._names.get(short) or self._newest.get(short) or self._newest.get(plain)
        return _of_a_kin(kin) if kin is not None else None


def _of_a_kin(facts: ModelFacts) -> ModelFacts:
    return msgspec.structs.replace(facts, aliases=(), retires=None, successor="", price="")
