"""A guard behind hedgerow.guardrail.v1.GuardrailService: asks, and believes only what keeps to the contract."""

import asyncio
import re
from collections.abc import Sequence

import grpc
import grpc.aio
from hedgerow.guardrail.v1 import guardrail_service_pb2 as pb

from hedgerow_server.core.error import CredentialUnavailable
from hedgerow_server.core.guard import Asker, Finding, Judged, Side, Source
from hedgerow_server.core.secret import RevealNamed, later
from hedgerow_server.guardrails.remote.channels import Channels
from hedgerow_server.guardrails.remote.desk import MARK, Answer, Categories, Desk, Limits, Unanswered, whole
from hedgerow_server.guardrails.remote.section import RemoteServiceGuardSection
from hedgerow_server.guardrails.remote.verdicts import Verdict

_LIMITS = Limits(texts=64, utf8_bytes=256 * 1024)
"""The contract lets a batch have 2 MiB. Smaller ones run at the same time, and none holds up other calls for long."""
_AT_A_STRETCH = 256
"""So many findings are looked at before other calls have their turn."""
# The limits of the contract.
_MOST_FINDINGS = 256
_LONGEST_REPLACEMENT = 256
_LONGEST_VERSION = 64
_LONGEST_NAME = 256
_CATEGORY = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
_SOURCES = {one: pb.TextSource.Value(f"TEXT_SOURCE_{one.name}") for one in Source}
_SIDES = {one: pb.CheckSide.Value(f"CHECK_SIDE_{one.name}") for one in Side}
_TRACE = ("traceparent", "tracestate")
_OURS = (grpc.StatusCode.CANCELLED, grpc.StatusCode.INVALID_ARGUMENT)
"""What says nothing of the guard's health."""


class RemoteServiceGuard:
    """A core.guard.RemoteGuard over gRPC."""

    def __init__(self, section: RemoteServiceGuardSection, *, name: str, reveal: RevealNamed) -> None:
        """`name` is the entry's, `reveal` gives secrets of `credentials`. Within an event loop. Raises ConfigError for
        certificates that cannot be used.
        """
        self.piece = section.piece_characters
        """The most code points that it is asked about at once."""
        self._channels = Channels(name, section)
        self._token = later(reveal, section.credential)
        self._categories = Categories()
        self._desk = Desk(name, section, _LIMITS, self._ask)

    async def judge(self, pieces: Sequence[Judged], asker: Asker) -> Sequence[Sequence[Finding]]:
        """What it finds in each of them. Raises GuardFailed, within its time."""
        return await self._desk.judge(pieces, asker)

    async def close(self) -> None:
        """Lets go of its connections."""
        await self._channels.close()

    async def _ask(self, pieces: Sequence[Judged], asker: Asker, within_s: float) -> Answer:
        request = pb.CheckRequest(
            texts=[pb.CheckedText(text=_sendable(one.text), source=_SOURCES[one.source]) for one in pieces],
            side=_SIDES[asker.side],
            tenant=asker.tenant[:_LONGEST_NAME],
            model=asker.model[:_LONGEST_NAME],
            request_id=asker.request_id[:_LONGEST_NAME],
        )
        try:
            answer = await self._channels.next()(request, timeout=within_s, metadata=self._metadata(asker))
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                raise TimeoutError from None
            # Its message may quote a text.
            raise Unanswered(f"answers {error.code().name}", at_fault=error.code() not in _OURS) from None
        return await self._checked(answer, pieces)

    def _metadata(self, asker: Asker) -> list[tuple[str, str]]:
        trace = [one for one in asker.trace if one[0] in _TRACE]
        if self._token is None:
            return trace
        try:
            return [*trace, ("authorization", f"Bearer {self._token().reveal()}")]
        except CredentialUnavailable:
            raise Unanswered("has no credential to be asked with", at_fault=False) from None

    async def _checked(self, answer: pb.CheckResponse, pieces: Sequence[Judged]) -> Answer:
        if len(answer.results) != len(pieces):
            raise Unanswered(f"answers for {len(answer.results)} of {len(pieces)} texts")
        if len(answer.policy_version) > _LONGEST_VERSION:
            raise Unanswered("names its rules at too great length")
        verdicts: list[Verdict] = []
        looked_at = 0
        for one, piece in zip(answer.results, pieces, strict=True):
            verdicts.append(self._verdict(one, piece.text))
            looked_at += len(verdicts[-1])
            if looked_at >= _AT_A_STRETCH:
                looked_at = 0
                await asyncio.sleep(0)
        return Answer(verdicts, answer.policy_version)

    def _verdict(self, result: pb.CheckResult, text: str) -> Verdict:
        if len(result.findings) > _MOST_FINDINGS:
            raise Unanswered(f"finds more than {_MOST_FINDINGS} things in a text")
        found: list[Finding] = []
        end = 0
        for one in result.findings:
            finding = self._finding(one, text)
            if finding.start < end:
                raise Unanswered("finds things that overlap, or out of order")
            end = finding.end
            found.append(finding)
        return tuple(found)

    def _finding(self, one: pb.CheckFinding, text: str) -> Finding:
        if not _CATEGORY.fullmatch(one.category):
            raise Unanswered("names no category that can be told")
        if len(one.replacement) > _LONGEST_REPLACEMENT:
            raise Unanswered("replaces what it finds at too great length")
        score = one.score if one.HasField("score") else None
        if score is not None and not 0 <= score <= 1:
            raise Unanswered("gives a score that is not from 0 to 1")
        category = self._categories.admit(one.category)
        if not one.HasField("span"):
            return whole(text, category, score, one.replacement)
        start, end = one.span.start, one.span.end
        if not 0 <= start < end <= len(text):
            raise Unanswered("finds something beyond a text")
        return Finding(start, end, category, one.replacement or MARK, score)


def _sendable(text: str) -> str:
    """The text as UTF-8 can have it: half of a surrogate pair, which JSON may hold, becomes a question mark, so that
    places stay what they are.
    """
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text
