"""Which candidate a conversation was with, so that the provider's prompt cache stays warm."""

from collections import OrderedDict

from hedgerow_server.core.request import ChatSpec, Message, Role
from hedgerow_server.routing.ask import Ask
from hedgerow_server.routing.candidate import Candidate
from hedgerow_server.routing.state import CandidateState

_MOST = 100_000
"""Conversations that are remembered at once; the oldest give way."""

Key = tuple[str, int]


class Affinity:
    """Remembers conversations for a time that starts anew with each answer. Candidates are known by their states, which
    outlive configurations and tell two credentials or regions of one model apart, as prompt caches do.
    """

    def __init__(self, ttl_s: float) -> None:
        self.ttl_s = ttl_s
        self._kept: OrderedDict[Key, tuple[float, CandidateState]] = OrderedDict()

    def key(self, ask: Ask) -> Key | None:
        """The conversation of a call: the caller's own name for it, or the beginning that its turns share, within the
        tenant. None where there is nothing to tell it by.
        """
        spec = ask.spec
        if not isinstance(spec, ChatSpec):
            return None
        tenant = ask.principal.tenant if ask.principal is not None else ""
        if ask.policy.session_id:
            return tenant, hash((spec.model, ask.policy.session_id))
        return tenant, hash((spec.model, spec.prompt_cache_key, _beginning(spec)))

    def find(self, key: Key, now_s: float) -> CandidateState | None:
        """The state of the candidate that the conversation was with."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept[0] < now_s:
            del self._kept[key]
            return None
        return kept[1]

    def keep(self, key: Key, candidate: Candidate, now_s: float) -> None:
        """The candidate has answered the conversation."""
        self._kept[key] = (now_s + self.ttl_s, candidate.state)
        self._kept.move_to_end(key)
        if len(self._kept) > _MOST:
            self._kept.popitem(last=False)


def _beginning(spec: ChatSpec) -> tuple[Message, ...]:
    """What stays the same from turn to turn: all up to and with the first message of the user."""
    for index, message in enumerate(spec.messages):
        if message.role is Role.USER:
            return spec.messages[: index + 1]
    return spec.messages
