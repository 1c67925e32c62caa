"""A guard in a process of its own, which can be frozen: it finds what says "forbidden"."""

import argparse
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from hedgerow.guardrail.v1 import guardrail_service_pb2 as pb
from hedgerow.guardrail.v1 import guardrail_service_pb2_grpc as stubs


class Judge(stubs.GuardrailServiceServicer):
    """Answers at once."""

    def Check(self, request: pb.CheckRequest, context: grpc.ServicerContext) -> pb.CheckResponse:  # noqa: N802
        bad = pb.CheckResult(findings=[pb.CheckFinding(category="far.bad")])
        return pb.CheckResponse(results=[bad if "forbidden" in one.text else pb.CheckResult() for one in request.texts])


def main() -> None:
    """Serves on a free port, which it writes down, until it is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--ports-file", type=Path, required=True)
    path = parser.parse_args().ports_file
    server = grpc.server(ThreadPoolExecutor(max_workers=8))
    stubs.add_GuardrailServiceServicer_to_server(Judge(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    fresh = path.with_suffix(".fresh")
    fresh.write_text(json.dumps({"grpc": f"127.0.0.1:{port}"}))
    fresh.replace(path)
    threading.Event().wait()


if __name__ == "__main__":
    main()
