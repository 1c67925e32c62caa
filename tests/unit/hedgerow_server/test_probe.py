"""One check of a provider on paper: it always has a result, and in time."""

import json

import pytest
from hedgerow_server import probe
from hedgerow_server.probe import Check, Subject
from hedgerow_server.providers import registry
from hedgerow_server.providers.openai import OpenAI, OpenAISection
from hedgerow_server.settings import Settings
from hedgerow_server.verdict import CheckName, Result
from unit.hedgerow_server.routing.scripted import HANG_S, JSON, USAGE, Answer, ScriptedTransport, chunk

SETTINGS = Settings.model_validate(
    {
        "providers": {"p": {"dialect": "openai"}, "q": {"dialect": "openai"}},
        "routes": {
            name: {"kind": kind, "candidates": [{"provider": provider, "model": model}]}
            for name, kind, provider, model in [
                ("a", "chat", "p", "m1"),
                ("b", "embed", "p", "e1"),
                ("c", "chat", "p", "m1"),
                ("d", "chat", "q", "m2"),
                ("all/*", "any", "p", "*"),
            ]
        },
    }
)


def subject(monkeypatch: pytest.MonkeyPatch, *answers: Answer, **settings: object) -> Subject:
    """A provider that gives these answers."""
    monkeypatch.setattr(registry, "transport", lambda *_: ScriptedTransport(*answers))
    return Subject("p", OpenAISection.model_validate({"dialect": "openai", **settings}), {})


async def result(asked: Subject, name: CheckName = "chat") -> Result:
    """What comes of one check."""
    (check,) = asked.checks(SETTINGS, (name,), ())
    return await asked.run(check)


def told(checks: list[Check]) -> list[tuple[str, str, str]]:
    """Route, model and name of each check."""
    return [(one.route, one.candidate.model, one.name) for one in checks]


def test_each_model_of_a_provider_is_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = subject(monkeypatch).checks(SETTINGS, ("chat", "tool", "embed"), ())
    assert told(found) == [("a", "m1", "chat"), ("a", "m1", "tool"), ("b", "e1", "embed")]


def test_a_model_that_is_named_leaves_out_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    found = subject(monkeypatch).checks(SETTINGS, ("chat", "embed"), ("e1",))
    assert told(found) == [("b", "e1", "embed")]


@pytest.mark.parametrize(("names", "checked"), [(("chat", "embed"), ["chat"]), (("embed",), ["embed"])])
def test_a_route_for_all_models_has_those_that_are_named(
    monkeypatch: pytest.MonkeyPatch, names: tuple[CheckName, ...], checked: list[str]
) -> None:
    found = subject(monkeypatch).checks(SETTINGS, names, ("m9",))
    assert told(found) == [("all/*", "m9", name) for name in checked]


async def test_an_answer_that_does_not_come_ends_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "TIMEOUT_S", 0.05)
    found = await result(subject(monkeypatch, Answer([HANG_S], headers=JSON)))
    assert (found.fits, found.problems, found.http_status) == (False, ["no whole answer within 0.05 s"], 200)


async def test_a_dialect_that_stumbles_is_a_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named, and nothing of what it stumbled over is shown."""

    def stumble(*_: object, **__: object) -> None:
        raise KeyError("private")

    monkeypatch.setattr(OpenAI, "reader", stumble)
    found = await result(subject(monkeypatch, Answer([b"{}"], headers=JSON)))
    assert (found.fits, found.problems) == (False, ["INTERNAL: the dialect failed with KeyError"])


@pytest.mark.parametrize(("vendor", "fits"), [("snowflake", True), ("openai", False)])
async def test_a_stream_without_finish_reason_fits_only_a_vendor_known_for_it(
    monkeypatch: pytest.MonkeyPatch, vendor: str, fits: bool
) -> None:
    body = [chunk("OK"), chunk(usage=USAGE), b"data: [DONE]\n\n"]
    asked = subject(monkeypatch, Answer(body), vendor=vendor, base_url="http://127.0.0.1:9/v1")
    assert (await result(asked, "stream")).fits is fits


async def test_the_figures_are_those_of_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    message = {"role": "assistant", "content": "OK"}
    body = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": USAGE}
    found = await result(subject(monkeypatch, Answer([json.dumps(body).encode()], headers=JSON)))
    assert (found.fits, found.problems) == (True, [])
    assert (found.input_tokens, found.output_tokens, found.first_token_seconds) == (7, 2, None)


async def test_what_is_not_known_of_an_answer_is_a_note_of_its_check_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "OK"}, "finish_reason": "stop"}
    plain = json.dumps({"choices": [choice], "usage": USAGE}).encode()
    odd = json.dumps({"choices": [{**choice, "aroma": 1}], "usage": USAGE}).encode()
    asked = subject(monkeypatch, *(Answer([body], headers=JSON) for body in (odd, plain, odd)))
    found = [await result(asked) for _ in range(3)]
    assert [one.notes for one in found] == [["unknown field choices.aroma"], [], ["unknown field choices.aroma"]]
    assert all(one.fits for one in found)
