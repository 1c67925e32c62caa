"""A secret is given away by `reveal` and by nothing else."""

import copy
import json
import pickle
import pprint
import traceback
from collections.abc import Callable

import msgspec
import pytest
from hedgerow_server.core.port import HttpRequest, Prepared
from hedgerow_server.core.secret import Secret

TEXT = "sk-canary-0123456789"
SECRET = Secret(TEXT)


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        ascii,
        "{}".format,
        "{!r:>40}".format,
        lambda secret: f"{secret}",
        lambda secret: f"{secret:>40}",
        lambda secret: "%s %r" % (secret, secret),  # noqa: UP031  the old way must be safe as well
        lambda secret: str([secret, {"key": secret}]),
        pprint.pformat,
        lambda secret: json.dumps({"key": secret}, default=str),
        lambda secret: str(vars(type(secret))),
    ],
)
def test_no_way_of_printing_shows_it(show: Callable[[Secret], str]) -> None:
    assert TEXT not in show(SECRET)


@pytest.mark.parametrize(
    "take",
    [
        pickle.dumps,
        lambda secret: pickle.dumps(secret, 0),
        copy.copy,
        copy.deepcopy,
        msgspec.json.encode,
        msgspec.msgpack.encode,
        msgspec.to_builtins,
        json.dumps,
    ],
)
def test_no_way_of_serialising_takes_it(take: Callable[[Secret], object]) -> None:
    with pytest.raises(TypeError) as caught:
        take(SECRET)
    assert TEXT not in str(caught.value)


def test_a_traceback_with_local_variables_does_not_show_it() -> None:
    def fails(credential: Secret) -> None:
        raise ValueError(f"cannot use {credential}")

    try:
        fails(SECRET)
    except ValueError as error:
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "credential = Secret()" in shown
    assert TEXT not in shown


def test_a_request_that_carries_it_does_not_show_it() -> None:
    request = HttpRequest("POST", "https://example.com/v1", {"authorization": f"Bearer {TEXT}"}, b"what they said")
    for shown in (repr(request), str(Prepared(request))):
        assert TEXT not in shown
        assert "what they said" not in shown
        assert "https://example.com/v1" in shown


def test_it_reveals_what_it_holds() -> None:
    assert SECRET.reveal() == TEXT


def test_equal_secrets_are_equal_and_nothing_else_is() -> None:
    assert Secret(TEXT) == SECRET
    assert hash(Secret(TEXT)) == hash(SECRET)
    assert Secret("other") != SECRET
    assert TEXT != SECRET
