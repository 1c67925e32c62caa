"""The search of answers for members that nobody reads."""

from hedgerow_server.core.drift import Drift
from hedgerow_server.providers.loose import Loose
from hedgerow_server.providers.watch import MAX_SEARCHED_BYTES, Known, Watch


class Answer(Loose, rename="camel"):
    """What is read of an answer."""

    all_parts: list[object] | None = None


KNOWN = Known(Answer, beside="created text", closed="input")


def strangers(document: object) -> list[str]:
    """What is not known, in order."""
    return sorted(KNOWN.strangers(document))


def test_members_that_are_read_and_those_beside_them_are_known() -> None:
    assert strangers({"allParts": [{"text": "x", "created": 1}], "created": None}) == []


def test_strangers_have_the_path_that_leads_to_them_each_once() -> None:
    document = {"allParts": [{"text": "a", "hue": 1}, {"hue": 2}, [{"hue": 3}]], "size": {"text": 1, "deep": 2}}
    assert strangers(document) == ["allParts.hue", "size"]


def test_what_the_caller_or_the_model_wrote_is_not_searched() -> None:
    assert strangers({"input": {"street": "x", "allParts": [{"house": 1}]}}) == []


def test_a_path_that_is_too_long_is_its_last_member() -> None:
    document: object = {"hue": 1}
    for _ in range(12):
        document = {"allParts": document}
    assert strangers(document) == ["hue"]


def test_what_is_no_object_and_no_json_has_no_strangers() -> None:
    watch = Watch(KNOWN, Drift())
    for payload in (b"[DONE]", b"7", b"", b"null", b"[" * 10_000, b'{"hue": NaN}'):
        watch.search(payload)
    assert watch.drift.counts() == {}


def test_long_documents_are_not_searched() -> None:
    watch = Watch(KNOWN, Drift())
    watch.search(b'{"hue": "%s"}' % (b"x" * MAX_SEARCHED_BYTES))
    assert watch.drift.counts() == {}
    watch.search(b'{"hue": 1}')
    assert watch.drift.counts() == {"field": {"hue": 1}}
