"""The data that comes with the router."""

import functools
from pathlib import Path
from typing import get_args

import pytest
from hedgerow_server import catalogue as catalogue_room
from hedgerow_server.catalogue.book import Catalogue, families
from hedgerow_server.catalogue.page import model_facts, read
from hedgerow_server.core.model import ModelFacts
from hedgerow_server.providers.openai.vendors import VENDORS
from hedgerow_server.providers.registry import Provider

DATA = Path(catalogue_room.__file__).parent / "data"
EVERY = sorted(families())


@functools.cache
def pages(family: str) -> dict[str, ModelFacts]:
    """A family's models as its file has them."""
    page = read(DATA / f"{family}.yaml")
    assert page.family == family
    return {name: model_facts(facts) for name, facts in page.models.items() if facts is not None}


@pytest.mark.parametrize("family", EVERY)
def test_a_file_reads_and_is_of_its_name(family: str) -> None:
    assert pages(family)


@pytest.mark.parametrize("family", EVERY)
def test_a_successor_is_in_the_same_family(family: str) -> None:
    models = pages(family)
    lost = {name: one.successor for name, one in models.items() if one.successor and one.successor not in models}
    assert lost == {}


@pytest.mark.parametrize("family", EVERY)
def test_every_embedding_model_has_a_vector_space_and_a_length(family: str) -> None:
    models = pages(family)
    without = [
        name for name, one in models.items() if one.kind == "embed" and (not one.vector_space or not one.dimensions)
    ]
    assert (without, [name for name, one in models.items() if one.kind == "chat" and one.vector_space]) == ([], [])


@pytest.mark.parametrize("family", EVERY)
def test_an_answer_is_no_longer_than_the_context(family: str) -> None:
    odd = [
        name
        for name, one in pages(family).items()
        if one.context_tokens and one.max_output_tokens and one.max_output_tokens > one.context_tokens
    ]
    assert odd == []


@pytest.mark.parametrize("family", EVERY)
def test_every_name_and_alias_means_one_model(family: str) -> None:
    models = pages(family)
    names = [name.lower() for name in models] + [alias.lower() for one in models.values() for alias in one.aliases]
    assert len(names) == len(set(names))


def test_vectors_of_one_space_have_one_length() -> None:
    """Whoever serves the model."""
    lengths: dict[str, set[int | None]] = {}
    for family in EVERY:
        for one in pages(family).values():
            if one.vector_space:
                lengths.setdefault(one.vector_space, set()).add(one.dimensions)
    assert {space: found for space, found in lengths.items() if len(found) > 1} == {}


def test_the_same_embedding_model_of_two_providers_is_one_space() -> None:
    catalogue = Catalogue()
    found = [catalogue.facts("openai", "text-embedding-3-small"), catalogue.facts("azure", "text-embedding-3-small")]
    assert {one.vector_space for one in found if one is not None} == {"openai/text-embedding-3-small"}


def test_one_key_for_each_provider_reaches_many_models() -> None:
    counts = {family: len(Catalogue().models(family)) for family in EVERY}
    assert sum(counts.values()) >= 171
    assert sum(count > 0 for count in counts.values()) >= 14


def test_every_dialect_and_vendor_names_a_family_that_is_there() -> None:
    sections = get_args(get_args(Provider)[0])
    named = {section.own_family for section in sections} | {vendor.catalogue for vendor in VENDORS.values()}
    assert named - {None} == families()
