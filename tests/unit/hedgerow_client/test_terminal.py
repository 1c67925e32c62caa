"""How verbs end."""

import os
import signal
import time

import pytest
import typer
from hedgerow_client.cli.terminal import EXIT_INTERRUPTED, reporting


def test_ctrl_c_that_was_dropped_on_the_way_is_said_again() -> None:
    heard = 0
    with pytest.raises(typer.Exit) as ended, reporting("target"):
        until_s = time.monotonic() + 30
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(30)
        except KeyboardInterrupt:
            heard += 1  # as an extension in C does that clears an exception
        while time.monotonic() < until_s:
            time.sleep(0.05)
    assert (ended.value.exit_code, heard) == (EXIT_INTERRUPTED, 1)


def test_after_a_verb_ctrl_c_means_what_it_meant_before() -> None:
    before = signal.getsignal(signal.SIGINT)
    with reporting("target"):
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
