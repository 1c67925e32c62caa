"""An embedding model for tests: deterministic, small, and of no use but here.

A text becomes counts of its words, pairs of words and groups of three letters, each hashed to one of 384 places. So two
texts are alike as far as they share words and spellings; of meaning it knows nothing. "What is the capital of France?"
and "What's the French capital?" are far apart for it, while one name more or less hardly shows: for the negative rules
that makes it the harder case, for the recall of rewordings the worst.
"""

import base64
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

DIMENSIONS = 384


def embedded(text: str) -> NDArray[np.float32]:
    """The vector of a text, of length 1."""
    words = re.findall(r"\w+", text.casefold())
    line = f" {' '.join(words)} "
    features = [
        *words,
        *map(" ".join, pairwise(words)),
        *(line[i : i + 3] for i in range(len(line))),
    ]
    vector = np.zeros(DIMENSIONS, np.float32)
    for one in features:
        vector[crc32(one.encode("utf-8", "surrogatepass")) % DIMENSIONS] += 1.0
    length = np.linalg.norm(vector)
    return vector / length if length else vector


class Model:
    """The model behind HTTP, as OpenAI's embeddings are asked for, and what is to go wrong."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[str] = []
        """The texts, in order."""
        self.failing = False
        """Whether it answers with 503."""
        self.open = threading.Event()
        """Cleared: it answers nobody until it is set again."""
        self.open.set()

    def answer(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """The status and body of an answer."""
        self.open.wait(30)
        if self.failing:
            return 503, {"error": {"message": "down", "type": "server_error"}}
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        self.asked += texts
        as_text = body.get("encoding_format") == "base64"
        rows = [{"object": "embedding", "index": at, "embedding": _told(one, as_text)} for at, one in enumerate(texts)]
        usage = {"prompt_tokens": 7 * len(texts), "total_tokens": 7 * len(texts)}
        return 200, {"object": "list", "data": rows, "model": body["model"], "usage": usage}


def _told(text: str, as_text: bool) -> object:
    vector = embedded(text).astype("<f4")
    return base64.b64encode(vector.tobytes()).decode() if as_text else [float(one) for one in vector]


@contextmanager
def serving() -> Iterator[Model]:
    """The model on a free port."""
    model = Model()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status, answer = model.answer(body)
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    model.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield model
    finally:
        model.open.set()
        server.shutdown()
        server.server_close()
        thread.join(10)
