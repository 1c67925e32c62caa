"""JSON that is put right: what is, what is made of it, and what is left alone."""

import json

import pytest
from hedgerow_server.routing.repair import decoded, repairs


def first(text: str, *, close: bool = True) -> tuple[str, str] | None:
    return next(((one.text, one.how) for one in repairs(text, close=close)), None)


@pytest.mark.parametrize(
    ("text", "expected", "how"),
    [
        ('```json\n{"a": 1}\n```', '{"a": 1}', "code fences were removed"),
        ("\n```\n[1]```\n", "[1]", "code fences were removed"),
        ('Here it is:\n```json\n{"a": 1}\n```\nDone!', '{"a": 1}', "words around it were removed"),
        ('Sure! {"a": "}"} Bye.', '{"a": "}"}', "words around it were removed"),
        ('{"a": [1, 2,], }', '{"a": [1, 2] }', "commas before a closing bracket were removed"),
        ('{"a": ",]", "b": [1,\n],}', '{"a": ",]", "b": [1\n]}', "commas before a closing bracket were removed"),
        ('{"a": {"b": [{"c": "x"}', '{"a": {"b": [{"c": "x"}]}}', "missing closing brackets were added"),
        ('{"a": "x"', '{"a": "x"}', "missing closing brackets were added"),
        (
            '```json\n{"a": [1,],}\n```',
            '{"a": [1]}',
            "code fences were removed and commas before a closing bracket were removed",
        ),
        (
            'Well: {"a": 1,}',
            '{"a": 1}',
            "words around it were removed and commas before a closing bracket were removed",
        ),
    ],
)
def test_what_can_be_put_right_is(text: str, expected: str, how: str) -> None:
    assert first(text) == (expected, how)


@pytest.mark.parametrize(
    "text",
    [
        "no JSON at all",
        "",
        '{"a": 1} or {"a": 2}',
        '{"a": "x',
        '{"a": 1',
        '{"a":',
        '{"a": 1, "b"',
        "{'a': 1}",
        '{"a": tru}',
        '{"a": 1]',
        "{" * 5000,
        '[{"a": ' * 5000,
        '{"a": NaN}',
    ],
)
def test_what_would_have_to_be_guessed_is_left_alone(text: str) -> None:
    assert first(text) is None


def test_brackets_are_closed_only_where_that_may_be() -> None:
    assert first('{"a": "x"', close=False) is None


def test_numbers_stay_as_they_were_written() -> None:
    found = first('```\n{"a": 1.10, "b": 12345678901234567890123}\n```')
    assert found is not None
    assert found[0] == '{"a": 1.10, "b": 12345678901234567890123}'


def test_what_is_decoded_is_what_the_text_says() -> None:
    (one, *_) = repairs('```\n{"a": [1, "x", null]}\n```', close=False)
    assert one.value == decoded(one.text) == json.loads(one.text)


def test_time_is_linear_in_the_length() -> None:
    for text in (
        '{"a": "' + "\\\\" * 50_000,
        "{" + ", " * 50_000,
        '{"' + '\\"' * 50_000,
        "[" + ",  " * 50_000,
        "```\n" * 20_000,
        '{"' * 30_000,
    ):
        assert first(text) is None
