"""How verbs end."""

import os
import signal
import time

import pytest
import typer
from hedgerow_client.cli.terminal import EXIT_INTERRUPTED, reporting


def deaf_at_first() -> None:
    """Drops the first Ctrl-C, as an extension in C does that clears an exception, and goes on for long."""
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(30)
    except KeyboardInterrupt:
        pass
    until_s = time.monotonic() + 30
    while time.monotonic() < until_s:
        time.sleep(0.05)


def test_ctrl_c_that_was_dropped_on_the_way_is_said_again() -> None:
    with pytest.raises(typer.Exit) as ended, reporting("target"):
        deaf_at_first()
    assert ended.value.exit_code == EXIT_INTERRUPTED


def test_after_a_verb_ctrl_c_means_what_it_meant_before() -> None:
    before = signal.getsignal(signal.SIGINT)
    with reporting("target"):
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
