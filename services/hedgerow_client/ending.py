"""What a stream tells once it has ended, the same for both kinds of client."""

from typing import Generic, TypeVar

from hedgerow.common.v1.attempt_pb2 import CallReport

from hedgerow_client.errors import Trailers

ResultT = TypeVar("ResultT")


class Ending(Generic[ResultT]):
    """The whole answer and the trailers of a stream; empty until it has ended."""

    def __init__(self) -> None:
        self._trailers = Trailers()
        self._result: ResultT | None = None
        self._ended = False

    @property
    def result(self) -> ResultT:
        """The whole answer. Raises RuntimeError before the stream has ended well."""
        if self._result is None:
            raise RuntimeError("the stream has not ended, or not well: there is no whole answer")
        return self._result

    @property
    def request_id(self) -> str:
        """The id of the call in the gateway's log, once the stream has ended."""
        return self._trailers.request_id

    @property
    def report(self) -> CallReport | None:
        """Attempts, usage and cost of the call, once the stream has ended."""
        return self._trailers.report
