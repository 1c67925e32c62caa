"""The examples of guards of one's own: they keep to the contract, and the gateway's guard works with them."""

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from hedgerow_server.core.guard import Asker, Finding, GuardFailed, Judged, Source
from hedgerow_server.guardrails.remote.service import RemoteServiceGuard
from rpc.guards import RunningGuard, presidio, running, words
from unit.hedgerow_server.guardrails.guard_server import asking

ASKER = Asker("acme", "request-1", "fast")


def conforms(target: str, text: str) -> dict[str, tuple[bool | None, str]]:
    """What `hedgerow guard check` says; it must not fail."""
    verb = [sys.executable, "-m", "hedgerow_client.cli.app", "guard", "check", target]
    command = [*verb, "--json", "--text", text, "--timeout", "30"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    trials = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, ([one for one in trials if one["passed"] is False], done.stderr)
    return {one["name"]: (one["passed"], one["detail"]) for one in trials}


def judged(*texts: str) -> list[Judged]:
    return [Judged(text, Source.USER) for text in texts]


async def found_again(guard: RemoteServiceGuard) -> list[str]:
    """The categories that it finds once it answers."""
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(GuardFailed):
                found = await guard.judge(judged("Bouvet"), ASKER)
                return [one.category for one in found[0]]
            await asyncio.sleep(0.01)


@pytest.fixture(scope="module", name="guard")
def guard_fixture() -> Iterator[RunningGuard]:
    with running(words("bouvet", "secret project")) as found:
        yield found


def test_the_python_example_keeps_to_the_contract(guard: RunningGuard) -> None:
    trials = conforms(guard.target, "Is it Bouvet?")
    assert {name for name, (passed, _) in trials.items() if passed is None} == {"tells its health"}


async def test_the_gateway_finds_what_the_example_finds(guard: RunningGuard) -> None:
    async with asking(guard.target) as asked:
        found = await asked.judge(judged("𝄞 Bouvet, the Secret Project", "nothing"), ASKER)
    assert found == [
        (Finding(2, 8, "words.listed", "[WORD]", 1.0), Finding(14, 28, "words.listed", "[WORD]", 1.0)),
        (),
    ]


async def test_a_frozen_guard_fails_in_time_and_is_found_again() -> None:
    """SIGSTOP: its connections stay open, and nothing comes back."""
    with running(words("bouvet")) as guard:
        async with asking(
            guard.target,
            timeout_seconds=0.25,
            breaker={"failures": 2, "rest_seconds": 0.05, "max_rest_seconds": 0.05},
        ) as asked:
            assert await asked.judge(judged("a"), ASKER) == [()]
            guard.freeze()
            for _ in range(2):
                with pytest.raises(GuardFailed, match=r"it gives no answer within 0\.25 s"):
                    await asked.judge(judged("b"), ASKER)
            with pytest.raises(GuardFailed, match="it is not asked for a while"):
                await asked.judge(judged("b"), ASKER)
            guard.thaw()
            assert await found_again(asked) == ["words.listed"]


async def test_a_guard_that_was_started_anew_is_asked_again() -> None:
    with running(words("bouvet")) as guard:
        target = guard.target
        async with asking(target, breaker={"rest_seconds": 0.05, "max_rest_seconds": 0.05}) as asked:
            assert await asked.judge(judged("a"), ASKER) == [()]
            guard.popen.send_signal(signal.SIGTERM)
            guard.popen.wait(20)
            with pytest.raises(GuardFailed, match="it answers UNAVAILABLE"):
                await asked.judge(judged("b"), ASKER)
            with running(words("bouvet", listen=target)):
                assert await found_again(asked) == ["words.listed"]


class Analyzer:
    """What Presidio's analyzer does: finds David and Maine, and sees Maine as two things."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[dict[str, object]] = []
        self.status = 200

    async def analyze(self, request: web.Request) -> web.Response:
        asked = await request.json()
        self.asked.append(asked)
        text = asked["text"]
        found = []
        for word, kind, score in (("Maine", "LOCATION", 0.85), ("in Maine", "ADDRESS", 0.6), ("David", "PERSON", 0.85)):
            at = text.find(word)
            if at >= 0:
                found.append({"entity_type": kind, "start": at, "end": at + len(word), "score": score})
        body = [{"analysis_explanation": None, "recognition_metadata": {}, **one} for one in found]
        return web.json_response(body, status=self.status)


@asynccontextmanager
async def analyzing() -> AsyncIterator[Analyzer]:
    found = Analyzer()
    app = web.Application(client_max_size=2**24)
    app.router.add_post("/analyze", found.analyze)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield found
    finally:
        await runner.cleanup()


async def test_the_presidio_example_tells_what_the_analyzer_finds_without_overlaps() -> None:
    async with analyzing() as analyzer:
        with running(presidio(analyzer.url, "--entities", "PERSON", "LOCATION", "--threshold", "0.4")) as guard:
            async with asking(guard.target) as asked:
                found = await asked.judge(judged("𝄞 David lives in Maine."), ASKER)
    assert found == [
        (Finding(2, 7, "pii.person", "[PERSON]", 0.85), Finding(17, 22, "pii.location", "[LOCATION]", 0.85))
    ]
    assert analyzer.asked == [
        {
            "text": "𝄞 David lives in Maine.",
            "language": "en",
            "score_threshold": 0.4,
            "entities": ["PERSON", "LOCATION"],
        }
    ]


async def test_the_presidio_example_fails_where_the_analyzer_does() -> None:
    async with analyzing() as analyzer:
        analyzer.status = 500
        with running(presidio(analyzer.url)) as guard:
            async with asking(guard.target) as asked:
                with pytest.raises(GuardFailed, match="it answers UNAVAILABLE"):
                    await asked.judge(judged("David"), ASKER)


async def test_the_presidio_example_keeps_to_the_contract() -> None:
    async with analyzing() as analyzer:
        with running(presidio(analyzer.url)) as guard:
            trials = await asyncio.to_thread(conforms, guard.target, "My name is David.")
    assert trials["finds something in the bait"] == (True, "pii.person")
    assert trials["counts in code points"] == (True, "")
