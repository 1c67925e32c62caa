"""Files of the catalogue: what they may say, and what is said of those that cannot be used."""

from pathlib import Path

import pytest
from hedgerow_server.catalogue.page import model_facts, read
from hedgerow_server.config.load import ConfigError
from hedgerow_server.core.model import ModelFacts

HEAD = "family: acme\nmodels:\n"


def fault(tmp_path: Path, text: str | bytes) -> str:
    """The one fault of a file, without its folder."""
    path = tmp_path / "acme.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(ConfigError) as caught:
        read(path)
    (only,) = caught.value.faults
    return str(only).removeprefix(f"{tmp_path}/")


def test_every_fact_can_be_said(tmp_path: Path) -> None:
    path = tmp_path / "acme.yaml"
    fields = (
        "kind: embed, context_tokens: 8192, max_output_tokens: 1, input_modalities: [text, video], "
        "output_modalities: [audio], tools: true, json_schema: false, reasoning: true, prefill: false, "
        "streams_only: true, vector_space: s, dimensions: 3, embed_batch_limit: 9, regions: [eu], aliases: [b], "
        "retires: 2027-01-14, successor: c, price: p"
    )
    path.write_text(f"{HEAD}  a: {{{fields}}}\n")
    facts = read(path).models["a"]
    assert facts is not None
    assert set(facts) == set(ModelFacts.__struct_fields__)
    read_back = model_facts(facts)
    assert all(getattr(read_back, field) != getattr(ModelFacts(), field) for field in facts)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (HEAD + "  a: {contxt_tokens: 1}\n", "acme.yaml:3: models.a.contxt_tokens: unknown key"),
        (
            HEAD + "  a:\n    tools: true\n    context_tokens: much\n",
            "acme.yaml:5: models.a.context_tokens: expected",
        ),
        (HEAD + "  a: {context_tokens: 0}\n", "acme.yaml:3: models.a.context_tokens: expected a number from 1"),
        (HEAD + "  a: {dimensions: true}\n", "acme.yaml:3: models.a.dimensions: expected a number from 1"),
        (HEAD + "  a: {tools: 1}\n", "acme.yaml:3: models.a.tools: expected `bool | null`"),
        (HEAD + "  a: {kind: image}\n", "acme.yaml:3: models.a.kind: expected one of chat, embed"),
        (
            HEAD + "  a: {input_modalities: [smell]}\n",
            "acme.yaml:3: models.a.input_modalities: expected a list of text",
        ),
        (HEAD + "  a: {input_modalities: text}\n", "acme.yaml:3: models.a.input_modalities: expected `array`"),
        (HEAD + "  a: {retires: 2027-13-01}\n", "acme.yaml:1: not YAML: month must be in 1..12"),
        (HEAD + "  a: {retires: soon}\n", "acme.yaml:3: models.a.retires: invalid RFC3339"),
        (HEAD + "  a: {retires: 2027-01-14 10:00:00}\n", "acme.yaml:3: models.a.retires: expected a date without"),
        (HEAD + "  a: {aliases: [1]}\n", "acme.yaml:3: models.a.aliases: expected `str`"),
        (HEAD + "  a: 7\n", "acme.yaml:3: models.a: expected a mapping of facts"),
        (HEAD + "  7: {}\n", "acme.yaml:3: models.7: expected a name"),
        (HEAD + "  a: {}\n  a: {}\n", "acme.yaml:4: not YAML: a stands twice"),
        (HEAD + "  a: {tools: true, tools: false}\n", "acme.yaml:3: not YAML: tools stands twice"),
        ("models: {}\n", "acme.yaml:1: family: expected the name of a family"),
        ("family: acme\n", "acme.yaml:1: models: expected a mapping of models"),
        ("family: acme\nmodels: {}\nlisted: 1\n", "acme.yaml:3: listed: expected true or false"),
        ("family: acme\nmodel: {}\nmodels: {}\n", "acme.yaml:2: model: unknown key"),
        ("- a\n", "acme.yaml:1: expected a mapping with family and models"),
        ("", "acme.yaml:1: expected a mapping with family and models"),
        ("a: [\n", "acme.yaml:2: not YAML"),
        (b"\nfamily: \xff\n", "acme.yaml:2: cannot be read: not UTF-8 text"),
        ("family: !!python/object/apply:os.getcwd []\nmodels: {}\n", "acme.yaml:1: not YAML: could not determine"),
    ],
)
def test_a_file_that_cannot_be_used_tells_line_model_and_field(tmp_path: Path, text: str | bytes, told: str) -> None:
    assert fault(tmp_path, text).startswith(told)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.yaml:1: cannot be read: No such file"):
        read(tmp_path / "gone.yaml")
