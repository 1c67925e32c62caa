"""Asks configured providers, live and with their own credentials, whether they still are what the dialects expect.

Every check is one small call on the real path: the dialect, the executor, the transport. It costs a few tokens.
"""

import asyncio
import itertools
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from ipaddress import IPv6Network
from pathlib import Path

import msgspec

from hedgerow_server.config.credential import keys_of
from hedgerow_server.core.call import Call, Kind, Method
from hedgerow_server.core.drift import Counts
from hedgerow_server.core.error import CredentialUnavailable, HedgerowError
from hedgerow_server.core.event import Event
from hedgerow_server.core.port import Operation
from hedgerow_server.core.request import (
    NO_POLICY,
    ChatSpec,
    EmbedSpec,
    FunctionTool,
    Message,
    Part,
    Role,
    Text,
    ToolChoice,
    ToolChoiceMode,
)
from hedgerow_server.credentials.lease import HeldLease
from hedgerow_server.credentials.sources import lease
from hedgerow_server.credentials.vault.server import Vault
from hedgerow_server.edition import upstream
from hedgerow_server.providers import registry
from hedgerow_server.providers.http.web import HttpWeb
from hedgerow_server.providers.openai.section import OpenAISection
from hedgerow_server.providers.openai.section import settings as openai_settings
from hedgerow_server.providers.section import ProviderSection
from hedgerow_server.record import Exchange, PrivateError, Scrubber, Tape, folder_name, recording, scrubber
from hedgerow_server.routing.candidate import Candidate
from hedgerow_server.routing.execute import execute
from hedgerow_server.routing.plan import Bounds, Plan
from hedgerow_server.routing.section import CandidateSection
from hedgerow_server.routing.state import States
from hedgerow_server.settings import Settings
from hedgerow_server.verdict import CHECKS, Asked, CheckName, Result, judge

TIMEOUT_S = 30.0
"""How long one check may take."""
_MAX_OUTPUT_TOKENS = 1024
"""An answer takes a few; but models that reason do so first, and the limit must not be in their way."""
_TOOL = FunctionTool(
    "get_weather",
    "Tells the weather in a city.",
    '{"type":"object","properties":{"city":{"type":"string","description":"Its name"}},"required":["city"]}',
)
_INPUTS = ("a hedge", "a row of trees")
_COLUMNS = ("PROVIDER", "MODEL", "KEY", "CHECK", "TIME", "TOKENS", "RESULT")
_NO_KEY = "-"
EXIT_FITS, EXIT_MISFIT, EXIT_USAGE = 0, 1, 2


class Check(msgspec.Struct, frozen=True):
    """One call to make: `route` is a route's name, `candidate` who serves it."""

    name: CheckName
    route: str
    candidate: Candidate
    key: str = ""
    """The entry of `credentials` that it is made with; empty: without any."""


class Subject:
    """A provider under test: built as the router builds it, with a tape before the wire."""

    def __init__(
        self, name: str, section: ProviderSection, keys: Mapping[str, HeldLease], nat64: tuple[IPv6Network, ...] = ()
    ) -> None:
        """`keys` are all that it is called with, by the names of their credentials."""
        self.name = name
        self.section = section
        self.tape = Tape(registry.transport(section, nat64))
        self._keys = keys
        self._upstream = upstream(name, section, None, self.tape)
        self._upstream.dialect.drift.sample_every = 1

    def scrubber(self, check: Check) -> Scrubber:
        """What cleans the traffic of a check, with the secret as it is now."""
        held = self._held(check)
        return scrubber(self.section, held.current() if held is not None and held.ready else None)

    def _held(self, check: Check) -> HeldLease | None:
        return self._keys[check.key] if check.key else None

    def checks(self, settings: Settings, names: Sequence[CheckName], models: Sequence[str]) -> list[Check]:
        """These checks with each key for each model that routes have at this provider, each once, in the file's order.
        `models` are the provider's own names and leave out all others; of those a route for all models has what no
        other names.
        """
        routed = [
            (route_name, route.kind, one)
            for route_name, route in settings.routes.items()
            for one in route.candidates
            if one.provider == self.name
        ]
        named = {one.model for _, _, one in routed}
        found: dict[tuple[str, str, CheckName], Check] = {}
        for route_name, kind, one in routed:
            if one.model == "*":
                wanted = [model for model in models if model not in named]
            else:
                wanted = [one.model] if not models or one.model in models else []
            for model, key in itertools.product(wanted, _keys(self.section, one)):
                candidate = self._candidate(model, one, key)
                for name in _of_kind(kind, names):
                    found.setdefault((model, key, name), Check(name, route_name, candidate, key))
        return list(found.values())

    def _candidate(self, model: str, section: CandidateSection, key: str) -> Candidate:
        # A state of its own for each check: what fails is what is looked for, and must hold up nothing.
        state = States().of(self.name, "", model, section.region)
        return Candidate(
            upstream=self._upstream,
            model=model,
            state=state,
            region=section.region,
            lease=self._keys[key] if key else None,
            dimensions=section.dimensions,
        )

    async def run(self, check: Check) -> Result:
        """Makes the call and judges what comes, within `TIMEOUT_S`. A failed call is a result, too."""
        result = Result(
            provider=self.name, route=check.route, model=check.candidate.model, credential=check.key, check=check.name
        )
        call, taped, started_s = _call(check), len(self.tape.exchanges), time.monotonic()
        known = self._upstream.dialect.drift.counts()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                events = await _events(call)
            judge(result, events, self._asked(check.candidate))
            self._judge_form(result, self.tape.exchanges[taped:])
            self._note_drift(result, known)
        except TimeoutError:
            result.problems = [f"no whole answer within {TIMEOUT_S:g} s"]
        except CredentialUnavailable as error:
            held = self._held(check)
            why = held.problem if held is not None else ""
            result.reason, result.problems = error.reason, [f"{error.reason}: {why or error.message}"]
        except HedgerowError as error:
            result.reason, result.problems = error.reason, [f"{error.reason}: {error.message}"]
        except Exception as error:  # a dialect that stumbles over an answer is what is looked for here
            result.reason, result.problems = "INTERNAL", [f"INTERNAL: the dialect failed with {type(error).__name__}"]
        result.seconds = round(time.monotonic() - started_s, 3)
        _fill(result, call, check)
        scrub = self.scrubber(check)
        result.problems = [scrub.text(problem) for problem in result.problems]
        result.notes = [scrub.text(note) for note in result.notes]
        result.fits = not result.problems
        return result

    def _asked(self, candidate: Candidate) -> Asked:
        return Asked(
            tool=_TOOL.name,
            inputs=len(_inputs(candidate)),
            dimensions=candidate.dimensions or self._upstream.dialect.default_dimensions(candidate.model),
            finish_optional=isinstance(self.section, OpenAISection)
            and openai_settings(self.section).quirks.finish_reason_optional,
        )

    def _judge_form(self, result: Result, exchanges: list[Exchange]) -> None:
        if result.check == "stream" and exchanges and exchanges[-1].content_type == "application/json":
            result.problems.append("a stream was asked for, and one JSON document came")

    def _note_drift(self, result: Result, before: Counts) -> None:
        """Notes what this check's answer has that the dialect does not know. It fails no call, so it is no problem."""
        for kind, names in self._upstream.dialect.drift.counts().items():
            told = before.get(kind, {})
            result.notes += [f"unknown {kind} {name}" for name, count in names.items() if count > told.get(name, 0)]


def _of_kind(kind: str, names: Sequence[CheckName]) -> list[CheckName]:
    """The checks for a route. One for chat and embeddings does not tell which of them a model is for: it is taken for
    chat, unless only embeddings are to be checked.
    """
    embeds = kind == "embed" or (kind == "any" and set(names) == {"embed"})
    return [name for name in names if (name == "embed") == embeds]


def _call(check: Check) -> Call:
    plan, spec = Plan((check.candidate,), NO_POLICY, Bounds(max_attempts=1)), _spec(check)
    stream = check.name == "stream"
    kind = Kind.SERVER_STREAM if stream else Kind.UNARY
    method = Method(f"probe/{check.name}", kind, lambda _: spec, lambda call: execute(call, plan, spec, stream=stream))
    return Call(method, {}, b"")


def _spec(check: Check) -> ChatSpec | EmbedSpec:
    if check.name == "embed":
        return EmbedSpec(model=check.route, inputs=_inputs(check.candidate))
    forced = check.name == "tool"
    words = f"What is the weather in Oslo? Call {_TOOL.name}." if forced else "Say OK."
    return ChatSpec(
        model=check.route,
        messages=(Message(Role.USER, (Part(Text(words)),)),),
        max_output_tokens=_MAX_OUTPUT_TOKENS,
        tools=(_TOOL,) if forced else (),
        tool_choice=ToolChoice(ToolChoiceMode.REQUIRED, (_TOOL.name,)) if forced else None,
    )


def _inputs(candidate: Candidate) -> tuple[str, ...]:
    return _INPUTS[: candidate.upstream.dialect.embed_batch_limit(candidate.model)]


async def _events(call: Call) -> list[Event]:
    async with aclosing(call.method.rpc(call)) as events:
        return [event async for event in events]


def _fill(result: Result, call: Call, check: Check) -> None:
    """What the executor noted."""
    if call.attempts:
        record = call.attempts[-1]
        result.http_status = record.upstream_status
        if check.name == "stream" and record.first_token_s is not None:
            result.first_token_seconds = round(record.first_token_s, 3)
    if call.usage is not None:
        result.input_tokens, result.output_tokens = call.usage.input_tokens, call.usage.output_tokens
    if check.name == "tool":
        result.features += ["tools", "tool_choice"]


def _vault(settings: Settings) -> Vault | None:
    return Vault(settings.vault) if settings.vault is not None else None


async def _close(vault: Vault | None) -> None:
    if vault is not None:
        await asyncio.to_thread(vault.close)


async def _subject(settings: Settings, name: str, vault: Vault | None) -> Subject:
    section = settings.providers[name]
    at_it = [one for route in settings.routes.values() for one in route.candidates if one.provider == name]
    names = dict.fromkeys(key for one in at_it for key in _keys(section, one) if key)
    web = HttpWeb(settings.egress.nat64)
    keys = {key: lease(key, settings.credentials[key], web, vault) for key in names}
    await asyncio.gather(*(held.renew() for held in keys.values()))
    return Subject(name, section, keys, settings.egress.nat64)


def _keys(section: ProviderSection, candidate: CandidateSection) -> list[str]:
    """The credentials with which a candidate is called; one empty name where there is none."""
    keys = keys_of(candidate.credential) or keys_of(section.credential)
    return [key.name for key in keys] or [""]


async def probe(
    settings: Settings, names: Sequence[str], checks: Sequence[CheckName], models: Sequence[str], *, as_json: bool
) -> int:
    """Checks these providers, or all where none is named, and prints a line for each check as a provider is done; the
    providers are asked at once, each one check after the other. Returns the exit status: 0 where everything fits, 1
    where anything does not or nothing could be checked, 2 for names that are not there.
    """
    if unknown := [name for name in names if name not in settings.providers]:
        return _usage(f"there is no provider {', '.join(unknown)}, only {', '.join(sorted(settings.providers))}")
    vault = _vault(settings)
    chosen = dict.fromkeys(names or settings.providers)
    subjects = await asyncio.gather(*(_subject(settings, name, vault) for name in chosen))
    planned = [(subject, subject.checks(settings, checks or CHECKS, models)) for subject in subjects]
    for subject, its_checks in planned:
        if not its_checks:
            _say(f"{subject.name}: no route names a model of it for these checks")
    count = sum(len(its_checks) for _, its_checks in planned)
    _say(f"{count} live calls with your own keys; each costs a few tokens.")
    running = [asyncio.create_task(_run_all(subject, its_checks)) for subject, its_checks in planned]
    table = None if as_json else _Table([check for _, its_checks in planned for check in its_checks])
    results: list[Result] = []
    try:
        for task in running:
            found = await task
            _print("\n".join(table.rows(found) if table is not None else map(_json, found)))
            results += found
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await _close(vault)
    _say(f"{sum(result.fits for result in results)} of {count} fit")
    named_without = names and any(not its_checks for _, its_checks in planned)
    return EXIT_FITS if results and not named_without and all(r.fits for r in results) else EXIT_MISFIT


async def _run_all(subject: Subject, checks: list[Check]) -> list[Result]:
    try:
        return [await subject.run(check) for check in checks]
    finally:
        await subject.tape.close()


async def record(settings: Settings, name: str, check_name: CheckName, model: str | None, out: Path | None) -> int:
    """Makes one check and writes its traffic as a recording to `out`: a file, which grows by a line, or a folder, in
    which it is the provider's file; None is standard output. `model` is the provider's own name of a model; None takes
    the first that a route has. Returns the exit status: 0 where it is written, whatever the answer, 1 where no answer
    came, 2 for names that are not there.
    """
    if name not in settings.providers:
        return _usage(f"there is no provider {name}, only {', '.join(sorted(settings.providers))}")
    vault = _vault(settings)
    subject = await _subject(settings, name, vault)
    try:
        checks = subject.checks(settings, (check_name,), () if model is None else (model,))
        check = checks[0] if checks else None
        if check is None:
            wanted = "a model" if model is None else f"the model {model}"
            return _usage(f"no route has {wanted} of {name} for {check_name}")
        _say("One live call with your own key; it costs a few tokens.")
        result = await subject.run(check)
    finally:
        await subject.tape.close()
        await _close(vault)
    _say(f"{name} {result.model} {check_name}: {_outcome(result)}")
    if not subject.tape.exchanges:
        _say("no answer came, so nothing is recorded")
        return EXIT_MISFIT
    try:
        line = recording(
            subject.tape.exchanges[-1],
            subject.section,
            operation=Operation.EMBED if check_name == "embed" else Operation.CHAT,
            model=result.model,
            scrub=subject.scrubber(check),
            features=result.features,
        )
    except PrivateError as error:
        _say(f"nothing is recorded: {error}")
        return EXIT_MISFIT
    _write(line, subject.section, out)
    return EXIT_FITS


def _write(line: str, section: ProviderSection, out: Path | None) -> None:
    if out is None:
        _print(line)
        return
    path = out / f"{folder_name(section)}.jsonl" if out.is_dir() else out
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    _say(f"recorded in {path}")


class _Table:
    """The lines of a table whose columns fit the checks that are planned."""

    def __init__(self, checks: list[Check]) -> None:
        cells = [(one.candidate.upstream.name, one.candidate.model, one.key or _NO_KEY, one.name) for one in checks]
        names = [max([len(head), *(len(row[at]) for row in cells)]) for at, head in enumerate(_COLUMNS[:4])]
        self._widths = (*names, 7, 9)
        self._head = [self._line(_COLUMNS)] if checks else []

    def rows(self, results: list[Result]) -> list[str]:
        """A line for each result; above the first the names of the columns."""
        head, self._head = (self._head, []) if results else ([], self._head)
        return head + [self._line(_cells(result)) for result in results]

    def _line(self, cells: Sequence[str]) -> str:
        padded = [cell.ljust(width) for cell, width in zip(cells, self._widths, strict=False)]
        return "  ".join([*padded, cells[-1]])


def _cells(result: Result) -> tuple[str, ...]:
    tokens = f"{result.input_tokens}+{result.output_tokens}"
    who = (result.provider, result.model, result.credential or _NO_KEY, result.check)
    return (*who, f"{result.seconds:.2f} s", tokens, _outcome(result))


def _outcome(result: Result) -> str:
    text = "; ".join(result.problems) or "ok"
    return f"{text} ({'; '.join(result.notes)})" if result.notes else text


def _json(result: Result) -> str:
    return msgspec.json.encode(result).decode()


def _print(text: str) -> None:
    if text:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _usage(text: str) -> int:
    _say(f"error: {text}")
    return EXIT_USAGE
