"""A guard of one's own in Python: finds listed words, and says where they are.

    python words.py --listen 127.0.0.1:50061 bouvet "secret project"
    hedgerow guard check 127.0.0.1:50061 --text "Is it Bouvet?"

Needs the package hedgerow-client, which has the stubs.
"""

import argparse
import re
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import grpc
from hedgerow.guardrail.v1 import guardrail_service_pb2 as pb
from hedgerow.guardrail.v1 import guardrail_service_pb2_grpc as stubs

MESSAGE_BYTES = 4 * 1024 * 1024
"""More than the contract's 2 MiB of text take."""


class Words(stubs.GuardrailServiceServicer):
    """Finds words, in whatever case."""

    def __init__(self, words: Sequence[str]) -> None:
        self._listed = re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})\b", re.IGNORECASE)

    def Check(self, request: pb.CheckRequest, context: grpc.ServicerContext) -> pb.CheckResponse:  # noqa: N802
        if not request.texts:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "expected 1 to 64 texts")
        return pb.CheckResponse(results=[self._result(one.text) for one in request.texts], policy_version="words-1")

    def _result(self, text: str) -> pb.CheckResult:
        # A str of Python counts code points, as the contract does.
        return pb.CheckResult(
            findings=[
                pb.CheckFinding(
                    category="words.listed",
                    score=1.0,
                    span=pb.TextSpan(start=found.start(), end=found.end()),
                    replacement="[WORD]",
                )
                for found in self._listed.finditer(text)
            ][:256]
        )


def serve(guard: stubs.GuardrailServiceServicer, listen: str, threads: int) -> None:
    """Serves a guard until SIGTERM or Ctrl-C; calls that are under way have a second to end."""
    server = grpc.server(ThreadPoolExecutor(threads), options=[("grpc.max_receive_message_length", MESSAGE_BYTES)])
    stubs.add_GuardrailServiceServicer_to_server(guard, server)
    port = server.add_insecure_port(listen)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    server.start()
    print(f"listening on {listen.rpartition(':')[0]}:{port}", flush=True)
    stopped.wait()
    server.stop(grace=1).wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listen", default="127.0.0.1:50061", metavar="HOST:PORT", help="port 0 takes a free one")
    parser.add_argument("words", nargs="+", metavar="WORD")
    arguments = parser.parse_args()
    serve(Words(arguments.words), arguments.listen, threads=8)


if __name__ == "__main__":
    main()
