"""The catalogue with files of the configuration over it, and how it follows their changes."""

import logging
import os
from pathlib import Path

import pytest
from hedgerow_server.catalogue.book import Catalogue, families
from hedgerow_server.config.load import ConfigError

ACME = "family: acme\nmodels:\n  rocket: {context_tokens: 1000, tools: true, aliases: [r]}\n  anvil: {kind: embed}\n"


class File:
    """A file of the catalogue; every change of it has another time."""

    def __init__(self, path: Path, text: str = ACME) -> None:
        self.path = path
        self._time_ns = 1_700_000_000_000_000_000
        self.write(text)

    def write(self, text: str) -> None:
        self.path.write_text(text)
        self._time_ns += 1
        os.utime(self.path, ns=(self._time_ns, self._time_ns))


@pytest.fixture
def file(tmp_path: Path) -> File:
    return File(tmp_path / "acme.yaml")


def context(catalogue: Catalogue, model: str = "rocket", family: str = "acme") -> int | None:
    """The context of a model."""
    found = catalogue.facts(family, model)
    return None if found is None else found.context_tokens


def test_a_file_adds_a_family(file: File) -> None:
    catalogue = Catalogue([file.path])
    assert [name for name, _ in catalogue.models("acme")] == ["anvil", "rocket"]
    assert context(catalogue, "R") == 1000


@pytest.mark.parametrize("family", [None, "nobody"])
def test_a_family_that_is_not_there_knows_nothing(family: str | None) -> None:
    assert Catalogue().facts(family, "gpt-4o") is None
    assert Catalogue().models(family) == ()


def test_a_file_changes_the_facts_that_it_names_and_no_others(tmp_path: Path, file: File) -> None:
    over = File(tmp_path / "over.yaml", "family: acme\nmodels:\n  rocket: {context_tokens: 7, aliases: null}\n")
    facts = Catalogue([file.path, over.path]).facts("acme", "rocket")
    assert facts is not None
    assert (facts.context_tokens, facts.tools, facts.aliases) == (7, True, ())


def test_a_file_takes_out_a_model_that_it_leaves_empty(tmp_path: Path, file: File) -> None:
    over = File(tmp_path / "over.yaml", "family: acme\nmodels:\n  rocket:\n")
    assert [name for name, _ in Catalogue([file.path, over.path]).models("acme")] == ["anvil"]


def test_a_file_goes_over_what_comes_with_the_router(tmp_path: Path) -> None:
    over = File(tmp_path / "over.yaml", "family: openai\nmodels:\n  gpt-5.5: {max_output_tokens: 5}\n")
    ours, theirs = Catalogue([over.path]).facts("openai", "gpt-5.5"), Catalogue().facts("openai", "gpt-5.5")
    assert ours is not None
    assert theirs is not None
    assert (ours.max_output_tokens, ours.context_tokens) == (5, theirs.context_tokens)


def test_models_that_an_account_deploys_are_known_but_not_listed(tmp_path: Path) -> None:
    assert Catalogue().models("azure") == ()
    assert Catalogue().facts("azure", "gpt-4o") is not None
    over = File(tmp_path / "over.yaml", "family: azure\nlisted: true\nmodels: {}\n")
    assert "gpt-4o" in dict(Catalogue([over.path]).models("azure"))


def test_a_file_that_cannot_be_used_is_an_error_at_the_start(file: File) -> None:
    file.write("family: acme\n")
    with pytest.raises(ConfigError, match="models: expected a mapping"):
        Catalogue([file.path])


def test_a_changed_file_is_read_again(file: File) -> None:
    catalogue = Catalogue([file.path])
    catalogue.load(["acme"])
    assert not catalogue.refresh()
    file.write(ACME.replace("1000", "2000"))
    assert context(catalogue) == 1000
    assert catalogue.refresh()
    assert (context(catalogue), catalogue.edition) == (2000, 1)
    assert not catalogue.refresh()


@pytest.mark.parametrize("broken", ["family: acme\nmodels:\n  rocket: {contxt: 1}\n", "a: [", None])
def test_a_broken_file_leaves_the_last_good_one_and_is_logged_once(
    file: File, caplog: pytest.LogCaptureFixture, broken: str | None
) -> None:
    catalogue = Catalogue([file.path])
    if broken is None:
        file.path.unlink()
    else:
        file.write(broken)
    with caplog.at_level(logging.WARNING):
        assert [catalogue.refresh() for _ in range(3)] == [False] * 3
    assert (context(catalogue), catalogue.edition) == (1000, 0)
    (record,) = caplog.records
    assert f"{file.path}:" in record.getMessage()
    file.write(ACME.replace("1000", "3000"))
    assert catalogue.refresh()
    assert context(catalogue) == 3000


def test_a_change_of_one_file_leaves_the_others(tmp_path: Path, file: File) -> None:
    other = File(tmp_path / "other.yaml", "family: other\nmodels:\n  wheel: {context_tokens: 4}\n")
    catalogue = Catalogue([file.path, other.path])
    other.write("family: other\nmodels:\n  wheel: {context_tokens: 5}\n")
    catalogue.refresh()
    assert (context(catalogue), context(catalogue, "wheel", "other")) == (1000, 5)


def test_a_file_may_change_its_family(file: File) -> None:
    catalogue = Catalogue([file.path])
    assert context(catalogue) == 1000
    file.write(ACME.replace("family: acme", "family: brand"))
    catalogue.refresh()
    assert (context(catalogue), context(catalogue, family="brand")) == (None, 1000)


def test_the_families_that_come_with_the_router_are_those_of_its_files() -> None:
    assert {"openai", "anthropic", "google", "bedrock", "mistral", "groq"} <= families()
