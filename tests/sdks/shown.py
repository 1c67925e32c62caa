"""What scripts have in common that run in the environment of the SDKs: each shows what one can do with the gateway.

A script is given all in its environment: the SDK's own variables for base URL and key, and in `HEDGEROW_SHOWN` what
else there is, in JSON. It prints one JSON object: the name of each check and what went wrong, null where nothing did.
"""
# ruff: noqa: ANN001, ANN002, ANN003, ANN201, ANN202, PT017, T201  (for an environment without pytest, which prints its result)
# mypy: ignore-errors

import asyncio
import inspect
import json
import os
import sys
import time
import traceback
import urllib.request
from concurrent.futures import ThreadPoolExecutor

GIVEN = json.loads(os.environ["HEDGEROW_SHOWN"])
TOGETHER = 6
CLOSED_WITHIN_S = 0.25


def shows(check):
    """Marks a function as one that shows something, plain or async."""
    check.shows = True
    return check


def _outcome(check):
    try:
        if inspect.iscoroutinefunction(check):
            asyncio.run(check())
        else:
            check()
    except BaseException:
        return traceback.format_exc()
    return None


def run(names):
    """Runs all that is marked in a module, several at once, and ends the process."""
    checks = {name: one for name, one in names.items() if getattr(one, "shows", False)}
    with ThreadPoolExecutor(TOGETHER) as pool:
        outcomes = dict(zip(checks, pool.map(_outcome, checks.values()), strict=True))
    print(json.dumps(outcomes), flush=True)
    sys.exit(0)


def raised(kind, call, *args, **kwargs):
    """The exception of exactly this class that a call raises."""
    try:
        call(*args, **kwargs)
    except kind as error:
        assert type(error) is kind, repr(error)
        return error
    raise AssertionError(f"no {kind.__name__}")


def new_trace():
    """A traceparent, by which the upstream requests of a call are found in the simulator's book."""
    return f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01"


def booked(trace):
    """The upstream requests of a call, oldest first."""
    with urllib.request.urlopen(f"{GIVEN['simulator']}/_sim/book", timeout=10) as response:
        calls = json.load(response)["calls"]
    return [call for call in calls if call["headers"].get("traceparent") == trace]


def eventually(condition, what):
    """The first true result of a condition."""
    until = time.monotonic() + 15
    while not (result := condition()):
        assert time.monotonic() < until, f"not in time: {what}"
        time.sleep(0.01)
    return result


def check_left(trace, left_unix):
    """The upstream request was cancelled within 250 ms of the time when the caller left."""
    ended = eventually(lambda: [call for call in booked(trace) if call["outcome"] != "open"], "the upstream ended")
    assert [call["outcome"] for call in ended] == ["cancelled"], ended
    assert ended[0]["ended_unix"] - left_unix < CLOSED_WITHIN_S, ended[0]["ended_unix"] - left_unix
