"""The guards there are: one line each."""

from collections.abc import Callable
from typing import Annotated, Any

import pydantic

from hedgerow_server.core.guard import Guard
from hedgerow_server.core.secret import RevealNamed
from hedgerow_server.core.web import Lines
from hedgerow_server.guardrails.canary import CanaryGuard, CanaryGuardSection
from hedgerow_server.guardrails.entry import GuardEntry
from hedgerow_server.guardrails.injection import InjectionGuard, InjectionGuardSection
from hedgerow_server.guardrails.length import LengthGuard, LengthGuardSection
from hedgerow_server.guardrails.moderation import ModerationGuard, ModerationGuardSection
from hedgerow_server.guardrails.pii import PiiGuard, PiiGuardSection
from hedgerow_server.guardrails.remote.section import RemoteServiceGuardSection
from hedgerow_server.guardrails.secret_formats import SecretsGuard, SecretsGuardSection
from hedgerow_server.guardrails.tool_calls import ToolCallsGuard, ToolCallsGuardSection
from hedgerow_server.guardrails.toxicity import ToxicityGuard, ToxicityGuardSection
from hedgerow_server.guardrails.words import WordsGuard, WordsGuardSection

AnyGuard = Annotated[
    CanaryGuardSection
    | InjectionGuardSection
    | LengthGuardSection
    | ModerationGuardSection
    | PiiGuardSection
    | RemoteServiceGuardSection
    | SecretsGuardSection
    | ToolCallsGuardSection
    | ToxicityGuardSection
    | WordsGuardSection,
    pydantic.Field(discriminator="type"),
]
"""One entry of `guardrails.guards`."""

_LOCAL: dict[type[GuardEntry], Callable[[Any], Guard]] = {
    CanaryGuardSection: CanaryGuard,
    InjectionGuardSection: InjectionGuard,
    LengthGuardSection: LengthGuard,
    PiiGuardSection: PiiGuard,
    SecretsGuardSection: SecretsGuard,
    ToolCallsGuardSection: ToolCallsGuard,
    ToxicityGuardSection: ToxicityGuard,
    WordsGuardSection: WordsGuard,
}
"""Those that look in this process. They are built in a thread: files are read, patterns compiled."""
_REMOTE: dict[type[GuardEntry], Callable[[Any, str, RevealNamed, Lines], Guard]] = {
    ModerationGuardSection: lambda entry, name, reveal, lines: ModerationGuard(
        entry, name=name, reveal=reveal, lines=lines
    ),
    RemoteServiceGuardSection: lambda entry, name, reveal, _: _remote_service(entry, name, reveal),
}
"""Those that ask others. They are built on the event loop, without a word to anybody."""


def local_guard(entry: GuardEntry) -> Guard | None:
    """The guard of an entry that looks in this process; None: it is of the others. Raises ValueError where it cannot be
    built, with a text for people.
    """
    build = _LOCAL.get(type(entry))
    return build(entry) if build is not None else None


def remote_guard(name: str, entry: GuardEntry, reveal: RevealNamed, lines: Lines) -> Guard:
    """The guard of an entry that asks others. `reveal` gives secrets of `credentials`, `lines` connections for HTTP.
    Raises ConfigError.
    """
    return _REMOTE[type(entry)](entry, name, reveal, lines)


def _remote_service(entry: RemoteServiceGuardSection, name: str, reveal: RevealNamed) -> Guard:
    # A gRPC client, which nobody else needs who only reads a configuration.
    from hedgerow_server.guardrails.remote.service import RemoteServiceGuard

    return RemoteServiceGuard(entry, name=name, reveal=reveal)
