"""A guard behind a moderation endpoint, without a network: what is sent, what counts, and what is no answer."""

import json
import logging
from typing import Any

import pydantic
import pytest
from hedgerow_server.core.guard import Asker, Finding, GuardFailed, Judged, RemoteGuard, Source
from hedgerow_server.core.port import HttpRequest
from hedgerow_server.core.secret import Secret
from hedgerow_server.core.web import Line, Reach, WebAnswer, WebError
from hedgerow_server.guardrails.moderation import ModerationGuard, ModerationGuardSection

ASKER = Asker("acme", "request-1", "fast")
TOKEN = "sk-moderation-0123456789"


class Endpoint:
    """Both the connections and who answers."""

    def __init__(self) -> None:
        self.requests: list[HttpRequest] = []
        self.reach: Reach | None = None
        self.answers: list[dict[str, Any]] = []
        """One for each text; what is left out is as for a text with which nothing is wrong."""
        self.status = 200
        self.body: bytes | None = None
        self.error: WebError | None = None
        self.closed = False

    def line(self, reach: Reach, *, connections: int) -> Line:
        self.reach = reach
        return self

    async def send(self, request: HttpRequest, *, timeout_s: float) -> WebAnswer:
        self.requests.append(request)
        if self.error is not None:
            raise self.error
        texts = json.loads(request.body)["input"]
        results = [result(**one) for one in self.answers] or [result() for _ in texts]
        said = {"id": "modr-1", "model": "omni-moderation-2024-09-26", "results": results}
        return WebAnswer(self.status, {}, json.dumps(said).encode() if self.body is None else self.body)

    async def close(self) -> None:
        self.closed = True


def result(flagged: tuple[str, ...] = (), **scores: float | None) -> dict[str, Any]:
    names = {"hate": 0.001, "violence": 0.002, "harassment/threatening": 0.003, **scores}
    return {
        "flagged": bool(flagged),
        "categories": {name: name in flagged for name in names},
        "category_scores": names,
        "category_applied_input_types": {name: ["text"] for name in names},
    }


def guard(endpoint: Endpoint, **section: object) -> ModerationGuard:
    given = ModerationGuardSection.model_validate({"breaker": {"failures": 1000}, **section})
    return ModerationGuard(given, name="ours", reveal=lambda _: Secret(TOKEN), lines=endpoint)


async def judge(judging: ModerationGuard, *texts: str) -> list[tuple[Finding, ...]]:
    return [tuple(one) for one in await judging.judge([Judged(text, Source.USER) for text in texts], ASKER)]


async def test_it_is_a_remote_guard() -> None:
    endpoint = Endpoint()
    judging = guard(endpoint)
    assert isinstance(judging, RemoteGuard)
    await judging.close()
    assert endpoint.closed


async def test_texts_go_out_as_one_array() -> None:
    endpoint = Endpoint()
    await judge(guard(endpoint, credential="openai"), "a", "ж")
    (request,) = endpoint.requests
    assert (request.method, request.url) == ("POST", "https://api.openai.com/v1/moderations")
    assert json.loads(request.body) == {"model": "omni-moderation-latest", "input": ["a", "ж"]}
    assert request.headers == {"content-type": "application/json", "authorization": f"Bearer {TOKEN}"}


async def test_another_service_may_need_no_model_and_no_key() -> None:
    endpoint = Endpoint()
    await judge(guard(endpoint, base_url="http://127.0.0.1:8000/v1/", model=None), "a")
    (request,) = endpoint.requests
    assert request.url == "http://127.0.0.1:8000/v1/moderations"
    assert json.loads(request.body) == {"input": ["a"]}
    assert "authorization" not in request.headers


async def test_by_default_the_service_says_what_counts() -> None:
    endpoint = Endpoint()
    endpoint.answers = [{"flagged": ("violence",), "violence": 0.4, "hate": 0.9}, {}]
    found = await judge(guard(endpoint), "abc", "d")
    assert found == [(Finding(0, 3, "moderation.violence", "[REDACTED]", 0.4),), ()]


async def test_a_threshold_takes_the_place_of_what_the_service_says() -> None:
    endpoint = Endpoint()
    endpoint.answers = [{"flagged": ("violence",), "violence": 0.4, "hate": 0.5}, {"hate": 0.499}]
    found = await judge(guard(endpoint, threshold=0.5), "abc", "d")
    assert found == [(Finding(0, 3, "moderation.hate", "[REDACTED]", 0.5),), ()]


async def test_a_category_may_have_a_threshold_of_its_own() -> None:
    endpoint = Endpoint()
    endpoint.answers = [{"hate": 0.3, "violence": 0.3}, {"harassment/threatening": 0.21}]
    thresholds = {"hate": 0.9, "harassment/threatening": 0.2}
    found = await judge(guard(endpoint, threshold=0.31, thresholds=thresholds), "a", "b")
    assert found == [(), (Finding(0, 1, "moderation.harassment.threatening", "[REDACTED]", 0.21),)]


async def test_a_category_that_is_ignored_never_counts() -> None:
    endpoint = Endpoint()
    endpoint.answers = [{"flagged": ("violence",), "violence": 1.0}]
    assert await judge(guard(endpoint, ignored=["violence"]), "a") == [()]


async def test_of_several_categories_the_one_furthest_beyond_its_threshold_counts() -> None:
    endpoint = Endpoint()
    endpoint.answers = [{"hate": 0.8, "violence": 0.7}]
    (found,) = await judge(guard(endpoint, threshold=0.5, thresholds={"violence": 0.1}), "a")
    assert [one.category for one in found] == ["moderation.violence"]


async def test_a_category_without_a_score_counts_where_the_service_says_so() -> None:
    endpoint = Endpoint()
    endpoint.answers = [{"flagged": ("illicit",), "illicit": None}]
    assert await judge(guard(endpoint), "ab") == [(Finding(0, 2, "moderation.illicit", "[REDACTED]", None),)]


async def test_names_of_categories_become_fit_for_metrics() -> None:
    endpoint = Endpoint()
    odd = 'A very "odd"\nname' + "x" * 100
    endpoint.answers = [{"flagged": (odd,), odd: 0.5}]
    (found,) = await judge(guard(endpoint), "a")
    assert found[0].category == ("moderation.a_very__odd__name" + "x" * 100)[:64]


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
async def test_a_refusal_is_a_failure_that_tells_nothing_of_the_text(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = Endpoint()
    endpoint.status, endpoint.body = status, b'{"error": {"message": "about my-secret-text"}}'
    with caplog.at_level(logging.DEBUG), pytest.raises(GuardFailed, match=f"^it answers {status}$"):
        await judge(guard(endpoint, credential="openai"), "my-secret-text")
    assert "my-secret-text" not in caplog.text
    assert TOKEN not in caplog.text


async def test_a_request_that_is_refused_is_no_fault_of_the_service() -> None:
    endpoint = Endpoint()
    judging = guard(endpoint, breaker={"failures": 1})
    endpoint.status = 400
    with pytest.raises(GuardFailed):
        await judge(judging, "a")
    endpoint.status = 200
    assert await judge(judging, "a") == [()]


async def test_too_many_requests_make_it_rest() -> None:
    endpoint = Endpoint()
    judging = guard(endpoint, breaker={"failures": 1})
    endpoint.status = 429
    with pytest.raises(GuardFailed):
        await judge(judging, "a")
    with pytest.raises(GuardFailed, match="it is not asked for a while: answers 429"):
        await judge(judging, "a")
    assert len(endpoint.requests) == 1


NO_ANSWERS = [
    b"",
    b"<html>",
    b"[]",
    b'{"results": null}',
    b'{"results": [{}]}',
    b'{"results": [{"categories": {"hate": "yes"}, "category_scores": {}}]}',
    b'{"results": [{"categories": {}, "category_scores": {"hate": 1.1}}]}',
    b'{"results": [{"categories": {}, "category_scores": {"hate": -0.1}}]}',
    b'{"results": []}',
    b'{"results": [{"categories": {}, "category_scores": {}}, {"categories": {}, "category_scores": {}}]}',
    b"[" * 100_000,
]


@pytest.mark.parametrize("body", NO_ANSWERS)
async def test_something_else_than_an_answer_is_a_failure(body: bytes) -> None:
    endpoint = Endpoint()
    endpoint.body = body
    with pytest.raises(GuardFailed):
        await judge(guard(endpoint), "a")


async def test_no_answer_is_a_failure() -> None:
    endpoint = Endpoint()
    endpoint.error = WebError("no answer (ConnectError)")
    with pytest.raises(GuardFailed, match=r"^it cannot be asked: no answer \(ConnectError\)$"):
        await judge(guard(endpoint), "a")


async def test_verdicts_are_kept_for_a_tenant() -> None:
    endpoint = Endpoint()
    judging = guard(endpoint)
    for tenant in ("acme", "acme", "other"):
        await judging.judge([Judged("a", Source.USER)], Asker(tenant, "1", "fast"))
    assert len(endpoint.requests) == 2


async def test_texts_do_not_leave_their_regions() -> None:
    endpoint = Endpoint()
    asker = Asker("acme", "1", "fast", residency=(frozenset({"eu"}),))
    with pytest.raises(GuardFailed, match="it runs in us, and the texts may not go there"):
        await guard(endpoint, region="us").judge([Judged("a", Source.USER)], asker)
    assert endpoint.requests == []


async def test_half_of_a_surrogate_pair_is_sent_as_another_character() -> None:
    endpoint = Endpoint()
    await judge(guard(endpoint), "a\ud800")
    assert json.loads(endpoint.requests[0].body)["input"] == ["a?"]


@pytest.mark.parametrize("url", ["http://moderation.internal/v1", "https://user@host/v1", "https://host/v1?x=1"])
def test_an_address_that_cannot_be_trusted_is_a_fault(url: str) -> None:
    with pytest.raises(pydantic.ValidationError):
        ModerationGuardSection.model_validate({"base_url": url})


def test_its_connections_keep_to_the_rules_of_its_address() -> None:
    endpoint = Endpoint()
    guard(endpoint, base_url="https://moderation.internal/v1", allow_private_addresses=True)
    assert endpoint.reach is not None
    assert (endpoint.reach.rule.host, endpoint.reach.rule.allow) == ("moderation.internal", True)
