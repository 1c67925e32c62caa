"""The end of a router, and a reload of its configuration, as callers of the HTTP door see them."""

import contextlib
import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from rpc.caller import booked, eventually, get, new_trace
from rpc.conftest import FailedStart, StartRouter
from rpc.http_raw import Answered, Raw, chat, head, raw
from stack import Stack

JSON = b"content-type: application/json"
AT_ONCE_S = 2.0


@contextlib.contextmanager
def asking(address: str, body: bytes, *headers: bytes) -> Iterator[Raw]:
    """A connection on which something was asked."""
    with raw(address) as caller:
        caller.send(head(JSON, *headers, b"content-length: %d" % len(body)), body)
        yield caller


def refused(address: str) -> bool:
    """Whether no connection is taken."""
    try:
        with raw(address):
            return False
    except ConnectionRefusedError:
        return True


def told(rest: bytes) -> dict[str, Any]:
    """What the event says that ends a stream."""
    last = rest.rpartition(b"data: ")[2].partition(b"\n\n")[0]
    found: dict[str, Any] = Answered(200, {}, last).error["hedgerow"]
    return found


LONG = "all/sim-tokens-80-50"
"""Four seconds of tokens: still under way when the signal has come, however slow the machine is."""


def test_sigterm_lets_open_calls_finish(stack: Stack, start_router: StartRouter) -> None:
    """New connections are refused, idle ones closed, and those of open calls after their answers."""
    with start_router() as running, ExitStack() as exits:
        address = running.addresses["http"]
        idle = exits.enter_context(raw(address))
        assert idle.ask(chat(), JSON).status == 200
        silent = exits.enter_context(raw(address))
        trace = new_trace()
        unary = exits.enter_context(asking(address, chat(LONG), b"traceparent: " + trace.encode()))
        stream = exits.enter_context(asking(address, chat(LONG, stream=True)))
        stream.until(b"\r\n\r\n")
        eventually(lambda: booked(stack.sim_url, trace), "the unary call is with the provider")
        running.popen.send_signal(signal.SIGTERM)
        assert (idle.closed(), silent.closed()) == (b"", b"")
        eventually(lambda: refused(address), "no connection is taken")
        assert get(f"http://{running.addresses['admin_http']}/readyz")[0] == 503
        answer = unary.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert unary.closed() == b""
        assert stream.closed().endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
        assert running.popen.wait(AT_ONCE_S) == 0


@pytest.mark.parametrize("hurry", [False, True], ids=["the end of the grace", "a second signal"])
def test_what_is_left_is_told_why_it_ends(stack: Stack, start_router: StartRouter, *, hurry: bool) -> None:
    """A stream with an event and no end, a call without an answer yet with a status, and so one whose body is not here
    yet; no fault is logged.
    """
    with start_router(server={"drain_seconds": 30 if hurry else 0.5}) as running:
        address, trace = running.addresses["http"], new_trace()
        with (
            asking(address, chat("slow", stream=True)) as stream,
            asking(address, chat("silent"), b"traceparent: " + trace.encode()) as unary,
            raw(address) as unread,
        ):
            unread.send(head(JSON, b"expect: 100-continue", b"content-length: 100"))
            assert unread.answer().status == 100
            stream.until(b"\r\n\r\n")
            eventually(lambda: booked(stack.sim_url, trace), "the unary call is with the provider")
            running.popen.send_signal(signal.SIGTERM)
            if hurry:
                eventually(lambda: "draining" in running.log.read_text(), "the router drains")
                running.popen.send_signal(signal.SIGTERM)
            for caller in (unary, unread):
                answer = caller.answer()
                assert (answer.status, answer.error["hedgerow"]["reason"]) == (503, "DRAINING")
                assert (answer.headers["retry-after-ms"], answer.headers["x-should-retry"]) == ("100", "true")
                assert caller.closed() == b""
            rest = stream.closed()
            assert told(rest)["reason"] == "DRAINING"
            assert not rest.endswith(b"0\r\n\r\n")
            assert running.popen.wait(AT_ONCE_S) == 0
        line = next(one for one in running.log.read_text().splitlines() if told(rest)["request_id"] in one)
        assert (json.loads(line)["reason"], json.loads(line)["door"]) == ("DRAINING", "openai")


def test_a_reload_moves_new_calls_to_the_new_configuration(start_router: StartRouter) -> None:
    """Also those of a connection that is open; a stream under way ends where it began."""
    with start_router() as running, raw(running.addresses["http"]) as caller:
        path = running.log.with_name("router.yaml")
        config = yaml.safe_load(path.read_text())
        assert caller.ask(chat("moved"), JSON).status == 404
        with asking(running.addresses["http"], chat("paced", stream=True)) as stream:
            stream.until(b"\r\n\r\n")
            config["routes"]["moved"] = config["routes"].pop("paced")
            fresh = Path(f"{path}.new")
            fresh.write_text(yaml.safe_dump(config))
            fresh.replace(path)
            eventually(lambda: caller.ask(chat("moved", max_tokens=1), JSON).status == 200, "the new route is there")
            assert caller.ask(chat("paced"), JSON).status == 404
            assert stream.chunks().endswith(b"data: [DONE]\n\n")


def test_a_port_in_use_is_one_clear_line(failed_start: FailedStart, stack: Stack) -> None:
    address = stack.router.addresses["http"]
    line = failed_start({"http": {"listen": address}})
    assert f"cannot listen on {address}: Address already in use" in line
