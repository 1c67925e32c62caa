"""Whatever a file holds, reading it gives settings or the lines of its faults."""

from pathlib import Path

import pytest
import yaml
from hedgerow_server.config.load import ConfigError, load
from hedgerow_server.settings import Settings, references
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

EXAMPLE = Path(__file__).resolve().parents[2] / "config.example.yaml"
TOKENS = st.sampled_from(
    [
        *("a", "server", "routes", "providers", "credentials", "grpc", "source: env", "dialect: openai", "kind: chat"),
        *(
            ": ",
            ":\n  ",
            "\n",
            "\n- ",
            "  ",
            "[",
            "]",
            "{",
            "}",
            ", ",
            "&a ",
            "*a",
            "<<: ",
            "!!int ",
            "!!binary ",
            "!x ",
        ),
        *(
            "'",
            '"',
            "#",
            "|\n",
            ">\n",
            "?",
            "%",
            "---\n",
            "...\n",
            "\t",
            "\0",
            "\ufeff",
            "é",
            "😀",
            "0x",
            "0b_",
            "1e999",
        ),
        *("2001-02-30", "190:20:30", ".nan", "~", "null", "yes", "7" * 5000),
    ]
)
KEYS = st.sampled_from(
    ["server", "grpc", "listen", "tls", "key", "providers", "credential", "routes", "candidates", "x"]
)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=3)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)
SECTIONS = st.sampled_from(sorted(Settings.model_fields))


def check(path: Path, text: bytes) -> None:
    """Reads the text; anything but settings or faults of one line each fails the test."""
    path.write_bytes(text)
    try:
        load(path, Settings, references)
    except ConfigError as error:
        failed = error
    else:
        return
    lines = str(failed).split("\n")
    assert len(lines) == len(failed.faults) > 0
    end = text.count(b"\n") + 1
    assert all(line.isprintable() and line.startswith(f"{path}:") for line in lines)
    assert all(1 <= fault.line <= end for fault in failed.faults)


@pytest.fixture(name="path", scope="module")
def path_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file for the examples of one test, one after the other."""
    return tmp_path_factory.mktemp("config") / "config.yaml"


@given(st.lists(TOKENS, max_size=25).map("".join))
@settings(deadline=None, max_examples=200)
def test_no_text_does_more_than_fail(path: Path, text: str) -> None:
    check(path, text.encode())


@given(st.binary(max_size=40))
@settings(deadline=None, max_examples=100)
def test_no_bytes_do_more_than_fail(path: Path, data: bytes) -> None:
    check(path, data)


@given(SECTIONS, VALUES)
@settings(deadline=None, max_examples=200)
def test_no_value_in_the_place_of_a_section_does_more_than_fail(path: Path, section: str, value: object) -> None:
    document = {**yaml.safe_load(EXAMPLE.read_text()), section: value}
    check(path, yaml.safe_dump(document, allow_unicode=True).encode())


@given(st.data())
@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
def test_no_value_anywhere_in_a_good_file_does_more_than_fail(path: Path, data: st.DataObject) -> None:
    document = yaml.safe_load(EXAMPLE.read_text())
    at = document
    while True:
        key = data.draw(st.sampled_from(list(at) if isinstance(at, dict) else range(len(at))))
        if not isinstance(at[key], dict | list) or data.draw(st.booleans()):
            break
        at = at[key]
    at[key] = data.draw(VALUES)
    check(path, yaml.safe_dump(document, allow_unicode=True).encode())
