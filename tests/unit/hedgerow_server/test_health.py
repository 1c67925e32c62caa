"""The question of a container's health check."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hedgerow_server.health import ask, main


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """A server that gives one answer to anything; its address."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline().strip():
                pass
            self.wfile.write(answer)

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def answer(status: str, body: str) -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n{body}".encode()


def test_a_router_that_is_ready_is_healthy(capsys: pytest.CaptureFixture[str]) -> None:
    with answering(answer("200 OK", "ready\n")) as address:
        assert main([address]) == 0
    assert capsys.readouterr().out == "ready\n"


def test_one_that_is_not_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    with answering(answer("503 Service Unavailable", "not ready: credential openai\n")) as address:
        assert main([address]) == 1
    assert capsys.readouterr().out == "not ready: credential openai\n"


@pytest.mark.parametrize("told", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1\r\n\r\n"])
def test_what_speaks_no_http_is_not_healthy(told: bytes) -> None:
    with answering(told) as address:
        ready, why = ask(address)
    assert not ready
    assert why.startswith(f"no answer from {address}: ")


def test_a_router_that_says_nothing_is_not_waited_for() -> None:
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as silent:
        address = f"127.0.0.1:{silent.server_address[1]}"
        assert ask(address, timeout_s=0.05) == (False, f"no answer from {address}: timed out")
