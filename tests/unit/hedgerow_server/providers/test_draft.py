"""What callers ask of whoever answers, in the words of one API: sent where it is understood, warned of elsewhere."""

import json

import pytest
from hedgerow_server.core.error import RequestInvalid
from hedgerow_server.core.event import WarningCode
from hedgerow_server.core.request import ChatSpec
from hedgerow_server.providers.draft import Draft

FIELD = "chat.provider_options"


def asked(options: dict[str, dict[str, int]], *for_any: str) -> ChatSpec:
    """A spec with options, some of which are for whoever answers."""
    given = {name: json.dumps(members) for name, members in options.items()}
    return ChatSpec(model="m", messages=(), provider_options=given, for_any=for_any)


def taken(draft: Draft, spec: ChatSpec) -> dict[str, int]:
    """The members that are sent."""
    return {name: int(bytes(value)) for name, value in draft.options(spec, FIELD)[1].items()}


def test_options_of_other_providers_are_theirs() -> None:
    """Nobody is warned of them."""
    draft = Draft("mine", "openai")
    assert taken(draft, asked({"other": {"a": 1}})) == {}
    assert draft.warnings == []


def test_options_for_whoever_answers_are_sent_where_they_are_understood() -> None:
    """Beside those of the provider's own, which win."""
    draft = Draft("mine", "openai", "openai_chat")
    spec = asked({"mine": {"a": 1}, "openai": {"a": 2, "b": 2}, "openai_chat": {"c": 3}}, "openai", "openai_chat")
    assert taken(draft, spec) == {"a": 1, "b": 2, "c": 3}
    assert draft.warnings == []


def test_options_for_whoever_answers_are_warned_of_elsewhere() -> None:
    """Each by its name."""
    draft = Draft("mine", "anthropic")
    assert taken(draft, asked({"openai": {"a": 1, "b": 2}, "anthropic": {"c": 3}}, "openai")) == {"c": 3}
    assert [(one.code, one.field) for one in draft.warnings] == [
        (WarningCode.PARAMETER_IGNORED, "chat.provider_options['openai'].a"),
        (WarningCode.PARAMETER_IGNORED, "chat.provider_options['openai'].b"),
    ]


def test_whoever_has_no_such_parameter_keeps_nothing_anyhow() -> None:
    """So nobody is warned of a wish not to be kept."""
    draft = Draft("mine", "anthropic")
    spec = ChatSpec(model="m", messages=(), provider_options={"openai": '{"store": false}'}, for_any=("openai",))
    assert draft.options(spec, FIELD) == (FIELD, {})
    assert draft.warnings == []


def test_what_a_provider_has_kept_is_not_asked_of_others() -> None:
    """They would answer another question: the call is refused, and another candidate may take it."""
    spec = ChatSpec(model="m", messages=(), bound=("openai_responses", "previous_response_id"))
    assert Draft("mine", "openai_responses").options(spec, FIELD) == (FIELD, {})
    with pytest.raises(RequestInvalid) as refused:
        Draft("other", "anthropic").options(spec, FIELD)
    assert refused.value.violations[0].field == "previous_response_id"
