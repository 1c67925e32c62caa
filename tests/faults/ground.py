"""The ground that faults are tried on: one simulator and one router for all cases, and what is looked at after each.

Every candidate of every trial has a provider of its own (`/_sim/as/NAME`), so that neither breakers nor books know of
other trials; the breakers have the rules of production.
"""

import itertools
import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import grpc
import psutil
from faults.registry import Candidate, Case, Mode, Seen, Trial
from faults.relay import Relay, relaying
from hedgerow.admin.v1 import admin_service_pb2 as admin_pb
from hedgerow.chat.v1 import chat_service_pb2 as chat_pb
from hedgerow.common.v1 import attempt_pb2
from hedgerow.common.v1.policy_pb2 import RoutePolicy
from money.accounts import differences, ledger
from rpc.caller import (
    COMPLETE,
    STREAM_COMPLETE,
    WAYS,
    Caller,
    Outcome,
    Way,
    chat,
    connected,
    embed,
    eventually,
    item,
    new_trace,
    options,
)
from stack import ALARM, DIALECTS, KEY, Process, router, simulator

LIST_CANDIDATES = "/hedgerow.admin.v1.AdminService/ListCandidates"
BAD_KEY = "sk-wrong-key-canary-1111111111111111"
ADDRESSES = ("sim", "localhost", "relay", "down", "nowhere", "tls")
"""The simulator, the simulator by name, another way to it, a port where nobody listens, a name that does not exist, and
a certificate that nobody trusts."""
_FAULT_LINE = re.compile(r'Traceback| ERROR |"code":"INTERNAL"')
_REFUSED_FILE = "hedgerow_server.reloader: the configuration was not reloaded"
"""What a router says of a file that is broken on purpose."""
_FDS_SLACK = 4
_LEDGER_FDS = 6
"""Of its spool and its database, which are opened with the first row."""
_UNBILLED = ("sim-filter",)
"""Models that the simulator's Gemini counts and does not bill."""
STORE = "ground.db"
"""The router's database, in which its ledger is."""
_OUTCOMES = {
    attempt_pb2.ATTEMPT_OUTCOME_SUCCEEDED: "",
    attempt_pb2.ATTEMPT_OUTCOME_HEDGE_LOST: "-",
    attempt_pb2.ATTEMPT_OUTCOME_CANCELLED: "?",
    attempt_pb2.ATTEMPT_OUTCOME_REPLACED: "%",
}


@dataclass(frozen=True, slots=True)
class Ground:
    """The running processes."""

    simulator: Process
    """Plays all providers."""
    router: Process
    """Has a route for every trial."""
    caller: Caller
    """Connected to the callers' door."""
    admin: Caller
    """Connected to the admin door."""
    folder: Path
    """Where their files are."""
    relay: Relay
    """Another way to the simulator."""
    fds: int
    """The router's file descriptors before the first trial, without connections to providers."""
    early: dict[str, Future[Seen | str]] = field(default_factory=dict)
    """Trials that began with the first case, by the route's name."""
    exits: ExitStack = field(default_factory=ExitStack)
    """Ends, with the ground, what was started for it."""
    kept: dict[str, Any] = field(default_factory=dict)
    """What trials share beyond the ground itself, by its name."""
    door: str = "grpc"
    """Where chats are asked for: "grpc", "openai" or "anthropic". What cancels, and what is no chat, goes over gRPC."""

    def keep(self, name: str, start: Callable[[], AbstractContextManager[Any]]) -> Any:
        """What trials share: started by the first that asks for it, and kept until the ground ends."""
        if name not in self.kept:
            self.kept[name] = self.exits.enter_context(start())
        return self.kept[name]

    @property
    def sim_url(self) -> str:
        """The simulator."""
        return f"http://{self.simulator.addresses['http']}"

    @property
    def config(self) -> Path:
        """The router's configuration file."""
        return self.folder / "router.yaml"

    def move_clock(self, seconds: float) -> None:
        """Sets how far the router's wall clock is ahead of the true one."""
        # As a whole: a signal of before may come so late that the file is read while it is written.
        fresh = self.folder / "clock.fresh"
        fresh.write_text(f"{seconds:g}")
        fresh.replace(self.folder / "clock")
        self.router.popen.send_signal(signal.SIGUSR2)

    def place(self, case: Case, trial: Trial) -> "Place":
        """Where a trial happens."""
        return Place(self, trial.mode or case.mode, trial, _names(case, trial))

    def book(self, provider: str) -> dict[str, Any]:
        """The book of one provider."""
        with urllib.request.urlopen(f"{self.sim_url}/_sim/book?provider={provider}", timeout=30) as response:
            page: dict[str, Any] = json.load(response)
        return page

    def switch(self, what: str, provider: str, body: dict[str, Any] | None) -> None:
        """Sets a switch of the simulator for a provider, or ends it."""
        data = None if body is None else json.dumps(body).encode()
        method = "DELETE" if body is None else "PUT"
        url = f"{self.sim_url}/_sim/{what}?provider={provider}"
        with urllib.request.urlopen(urllib.request.Request(url, data=data, method=method), timeout=10):
            pass

    def running(self, provider: str) -> int:
        """How many attempts the router has under way at a provider; each holds a permit of its breaker."""
        request = admin_pb.ListCandidatesRequest(provider=provider, page_size=100)
        told = self.admin.unary(LIST_CANDIDATES, request, admin_pb.ListCandidatesResponse.FromString)
        assert not told.message.next_page_token
        return sum(one.running_attempts_count + one.trials_count for one in told.message.candidates)

    def log(self, since: int = 0) -> str:
        """What the router has logged since an offset."""
        with self.router.log.open("rb") as stream:
            stream.seek(since)
            return stream.read().decode(errors="replace")

    def check_alive(self, since: int) -> None:
        """It was not restarted, told no secret and met no fault of its own."""
        assert self.router.popen.poll() is None, "the router has ended"
        text = self.log(since)
        assert KEY not in text, "the provider's key is in the log"
        assert BAD_KEY not in text, "the refused key is in the log"
        faults = [
            line
            for line in text.splitlines()
            if _FAULT_LINE.search(line) and _REFUSED_FILE not in line and ALARM not in line
        ]
        assert not faults, f"the router met a fault of its own: {faults[0]}"

    def descriptors(self) -> int:
        """The router's file descriptors without its connections to the simulator, which it may keep for the next."""
        process = psutil.Process(self.router.popen.pid)
        port = int(self.simulator.addresses["http"].rpartition(":")[2])
        pooled = sum(1 for one in process.net_connections("tcp") if one.raddr and one.raddr.port == port)
        # A socket may have two descriptors while it is one.
        links = [path.readlink() for path in Path(f"/proc/{process.pid}/fd").iterdir() if path.is_symlink()]
        return len(set(links)) - pooled

    def check_ledger(self) -> None:
        """After all that has happened the ledger equals the book: every request, every class of tokens."""
        with urllib.request.urlopen(f"{self.sim_url}/_sim/book", timeout=30) as response:
            entries = json.load(response)["calls"]
        found: list[str] = []

        def equal() -> bool:
            calls, attempts = ledger(self.folder / STORE)
            served = {one.provider for one in attempts}
            mine = [one for one in entries if one["provider"] in served]
            found[:] = differences(calls, attempts, mine, by="provider", unbilled=_UNBILLED)
            return not found

        try:
            eventually(equal, "the ledger equals the book", 10)
        except AssertionError as error:
            raise AssertionError("\n".join([str(error), *found])) from None

    def check_descriptors(self) -> None:
        """No file descriptor was left open."""
        try:
            most = self.fds + _LEDGER_FDS + _FDS_SLACK
            # Of a storm over HTTP more connections to providers are left, for as long as they are kept: a minute.
            within_s = 20 if self.door == "grpc" else 75
            eventually(lambda: self.descriptors() <= most, f"{self.fds} descriptors", within_s)
        except AssertionError as error:
            process = psutil.Process(self.router.popen.pid)
            left = Counter((one.status, str(one.raddr)) for one in process.net_connections("all"))
            raise AssertionError(f"{error}: {process.num_fds()}, {left}") from None


@dataclass(frozen=True)
class Place:
    """Where one trial happens: its route, its providers, and what came of its calls."""

    ground: Ground
    """The processes."""
    mode: Mode
    """How the caller asks."""
    trial: Trial
    """What is tried."""
    names: tuple[str, ...]
    """The providers of its candidates, in their order."""
    traces: dict[int, tuple[Outcome[Any], str]] = field(default_factory=dict)
    """By the identity of each outcome: its trace, by which the book knows its requests."""

    @cached_property
    def route(self) -> str:
        """The model's name for callers."""
        return self.names[0].rsplit("-", 1)[0]

    @property
    def rpc(self) -> Way:
        """How the mode asks at the door."""
        stream = self.mode is Mode.STREAM
        return next(one for one in WAYS if one.door == self.ground.door and one.stream == stream)

    @property
    def grpc(self) -> Way:
        """The RPC of the mode, for what only the gRPC door has."""
        return COMPLETE if self.mode is Mode.UNARY else STREAM_COMPLETE

    def chat(
        self,
        *,
        caller: Caller | None = None,
        metadata: Sequence[tuple[str, str | bytes]] = (),
        grpc_only: bool = False,
        **given: Any,
    ) -> Outcome[Any]:
        """Calls the trial's route; `grpc_only`: at the gRPC door, whatever the ground's is."""
        trace = new_trace()
        sent = [*metadata, ("traceparent", trace)]
        caller = caller or self.ground.caller
        # What a route change voids, no other API can say.
        voids = (given.get("route") or RoutePolicy()).allow_route_change
        http = caller.speaks_http and not (voids or grpc_only or "into" in given)
        outcome = caller.chat(self.rpc if http else self.grpc, self.route, metadata=sent, **given)
        self.traces[id(outcome)] = (outcome, trace)
        return outcome

    def open(self, *, timeout: float = 30.0, **given: Any) -> Any:
        """Opens a call of the mode, to be cancelled."""
        request, caller = chat(self.route, **given), self.ground.caller
        if self.mode is Mode.STREAM:
            return caller.open(STREAM_COMPLETE, request, chat_pb.StreamCompleteResponse.FromString, timeout=timeout)
        call: Any = caller.channel.unary_unary(COMPLETE)
        return call.future(request.SerializeToString(), timeout=timeout)

    def embed(self, *texts: str) -> Outcome[Any]:
        """Embeds texts by the RPC of the mode."""
        if self.mode is Mode.UNARY:
            return self.ground.caller.embed(embed(self.route, *texts))
        requests = [options(self.route), *(item(str(number), text) for number, text in enumerate(texts))]
        return self.ground.caller.stream_embed(requests)

    def entries(self) -> list[dict[str, Any]]:
        """What the book has of the trial's providers, oldest first, once all of it has ended."""
        return sorted(
            itertools.chain.from_iterable(self._ended(name) for name in dict.fromkeys(self.names)),
            key=lambda entry: float(entry["started_unix"]),
        )

    def _ended(self, name: str) -> list[dict[str, Any]]:
        def calls() -> list[dict[str, Any]] | None:
            page = self.ground.book(name)
            return None if page["totals"]["open"] else [*page["calls"], {}]

        return eventually(calls, f"the calls at {name} have ended")[:-1]

    def taken(self) -> bool:
        """Whether the first provider has let a call in: only then does its book know what is asked."""
        return any(one["model"] for one in self.ground.book(self.names[0])["calls"])

    def check_clean(self) -> None:
        """Nothing of the trial is left: no busy socket, no attempt, no permit."""
        for name in dict.fromkeys(self.names):
            eventually(partial(self._idle, name), f"{name}: no busy socket, no attempt under way", 5)

    def _idle(self, name: str) -> bool:
        return not self.ground.book(name)["totals"]["busy_sockets"] and not self.ground.running(name)

    def audit(self, *outcomes: Outcome[Any], more_on_record: bool = False) -> Seen:
        """Compares the attempt records of calls, which are all that were made here, with the simulator's book.

        A record whose usage the provider reported has exactly what the book billed. One that is estimated says so; what
        is known of it is what came through, four bytes a token. One without usage was not billed. `more_on_record`: the
        provider reports more than it bills.
        """
        assert not any(outcome.report.omitted_attempts_count for outcome in outcomes)
        booked, recorded, estimated = [0, 0], [0, 0], False
        for name in dict.fromkeys(self.names):
            entries = self._ended(name)
            records = [
                (_trace_id(self.traces.get(id(outcome), (None, None))[1]), record)
                for outcome in outcomes
                for record in reversed(outcome.report.attempts)
                if record.provider == name
            ]
            if any(one.at != "sim" for one, at in zip(self.trial.candidates, self.names, strict=True) if at == name):
                # Not every request may have got there.
                records = [(trace, record) for trace, record in records if record.upstream_status]
            else:
                # A second attempt that lost before its connection stood never got there, which we cannot know.
                there = {_trace_id(entry["headers"].get("traceparent")) for entry in entries}
                lost = attempt_pb2.ATTEMPT_OUTCOME_HEDGE_LOST
                records = [
                    (trace, record)
                    for trace, record in records
                    if record.upstream_status or record.outcome != lost or trace in there
                ]
                assert len(entries) == len(records), f"{name} had {len(entries)} calls, {len(records)} are on record"
            for record, entry in _paired(records, entries):
                if not more_on_record:
                    _check_billed(record, entry)
                estimated |= record.usage.estimated
                for sums, tokens in (
                    (booked, (entry["billed_input_tokens"], entry["billed_output_tokens"])),
                    (recorded, _tokens(record)),
                ):
                    sums[0] += tokens[0]
                    sums[1] += tokens[1]
        last = outcomes[-1]
        status = "OK" if last.code is grpc.StatusCode.OK else f"{last.code.name} {last.reason}"
        told = " | ".join(dict.fromkeys(self.attempts(outcome) for outcome in outcomes))
        return Seen(status, told, (booked[0], booked[1]), (recorded[0], recorded[1]), estimated)

    def attempts(self, outcome: Outcome[Any]) -> str:
        """The attempts of a call, oldest first: the candidate's letter, `+` before it for a hedge, and behind it how it
        ended: nothing for success, `!REASON`, `-` for a lost race, `?` for cancelled, `%` for replaced; `~` where its
        usage is estimated.
        """
        letters = {
            (name, one.model): chr(ord("a") + index)
            for index, (name, one) in enumerate(zip(self.names, self.trial.candidates, strict=True))
        }
        told: list[str] = []
        before: set[str] = set()
        for number, record in enumerate(reversed(outcome.report.attempts), 1):
            letter = letters[record.provider, record.model]
            assert record.number == number
            hedge = record.kind == attempt_pb2.ATTEMPT_KIND_HEDGE
            if not hedge and self.trial.kind == "chat":
                assert record.kind == _kind(letter, before), f"{letter} is {record.kind}"
            before.add(letter)
            failed = "!" + record.error_reason.removeprefix("ERROR_REASON_")
            told.append(
                ("+" if hedge else "")
                + letter
                + _OUTCOMES.get(record.outcome, failed)
                + ("~" if record.usage.estimated else "")
            )
        return " ".join(told)


def _kind(letter: str, before: set[str]) -> int:
    if not before:
        return attempt_pb2.ATTEMPT_KIND_PRIMARY
    return attempt_pb2.ATTEMPT_KIND_RETRY if letter in before else attempt_pb2.ATTEMPT_KIND_FAILOVER


def _check_billed(record: attempt_pb2.Attempt, entry: dict[str, Any]) -> None:
    billed = (entry["billed_input_tokens"], entry["billed_output_tokens"])
    if not record.HasField("usage"):
        assert billed == (0, 0), f"{entry['model']}: {billed} were billed, nothing is on record"
    elif not record.usage.estimated:
        ours = _tokens(record)
        assert ours == billed, f"{entry['model']}: {billed} were billed, {ours} are on record"


def _paired(
    records: Iterable[tuple[str | None, attempt_pb2.Attempt]], entries: list[dict[str, Any]]
) -> Iterator[tuple[attempt_pb2.Attempt, dict[str, Any]]]:
    """Each record with the book's entry: of calls that were traced the next one of its trace, else the next one."""
    left: dict[str | None, deque[dict[str, Any]]] = {}
    for entry in entries:
        left.setdefault(_trace_id(entry["headers"].get("traceparent")), deque()).append(entry)
    for trace, record in records:
        assert left.get(trace), f"the provider knows nothing of attempt {record.number}"
        yield record, left[trace].popleft()


def _trace_id(traceparent: str | None) -> str | None:
    """The trace: the span is the attempt's own where the router records it."""
    return traceparent.split("-")[1] if traceparent else None


def _tokens(record: attempt_pb2.Attempt) -> tuple[int, int]:
    """What is paid for. Cohere tells it apart from what the model read and wrote."""
    usage, billed = record.usage, record.usage.other_units
    return (
        billed.get("billed_input_tokens", usage.input_tokens),
        billed.get("billed_output_tokens", usage.output_tokens),
    )


def _names(case: Case, trial: Trial) -> tuple[str, ...]:
    stem = f"{case.name}-{trial.name}"
    assert len(stem) <= 61, f"{stem} is too long for a name"
    own = [f"{stem}-{chr(ord('a') + index)}" for index in range(max(1, len(trial.candidates)))]
    shares = [one.shares for one in trial.candidates] or [None]
    return tuple(name if index is None else own[index] for name, index in zip(own, shares, strict=True))


def configuration(cases: Iterable[Case], urls: dict[str, str]) -> dict[str, Any]:
    """The one configuration that has the routes of all cases."""
    providers: dict[str, Any] = {}
    routes: dict[str, Any] = {}
    for case in cases:
        for trial in case.trials:
            names = _names(case, trial)
            for name, one in zip(names, trial.candidates, strict=False):
                providers.setdefault(name, _provider(name, one, urls))
            if trial.candidates:
                listed = [
                    {"provider": name, "model": one.model, **one.settings}
                    for name, one in zip(names, trial.candidates, strict=True)
                ]
                route = {"kind": trial.kind, "candidates": listed, **trial.route}
                assert names[0].rsplit("-", 1)[0] not in routes, names[0]
                routes[names[0].rsplit("-", 1)[0]] = route
    return {
        "server": {
            "grpc": {"listen": "127.0.0.1:0", "max_streams_per_connection": 100},
            "admin_grpc": {"listen": "127.0.0.1:0"},
            "admin_http": {"listen": "127.0.0.1:0"},
            "http": {"listen": "127.0.0.1:0"},
        },
        "credentials": {
            "sim": {"source": "env", "variable": "HEDGEROW_TEST_KEY"},
            "bad": {"source": "env", "variable": "HEDGEROW_TEST_BAD_KEY"},
        },
        "providers": providers,
        "routes": routes,
    }


def _provider(name: str, one: Candidate, urls: dict[str, str]) -> dict[str, Any]:
    settings: dict[str, Any] = (
        {"dialect": "openai", "base_url": "{sim}/v1"} if one.dialect == "openai" else dict(DIALECTS[one.dialect][0])
    )
    url = str(settings["base_url"]).format(sim=f"{urls[one.at]}/_sim/as/{name}")
    return {**settings, "base_url": url, "credential": "sim", **one.provider}


@contextmanager
def ground(folder: Path, cases: Iterable[Case], door: str = "grpc") -> Iterator[Ground]:
    """Starts everything and connects to it; chats are asked for at `door`."""
    certificate = _self_signed(folder)
    with ExitStack() as exits:
        sim = exits.enter_context(simulator(folder))
        relay = exits.enter_context(relaying(sim.addresses["http"]))
        urls = {
            "sim": f"http://{sim.addresses['http']}",
            "localhost": f"http://localhost:{sim.addresses['http'].rpartition(':')[2]}",
            "relay": f"http://{relay.target}",
            "down": f"http://127.0.0.1:{exits.enter_context(_taken())}",
            "nowhere": "http://provider.invalid",
            "tls": "",
        }
        if certificate is not None:
            more = ("--tls-cert", str(certificate))
            tls = exits.enter_context(simulator(folder, *more, name="tls"))
            urls["tls"] = f"https://{tls.addresses['http']}"
        config = {**configuration(cases, urls), "store": {"path": str(folder / STORE)}}
        paths = [str(Path(__file__).parent / "clock"), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {
            "HEDGEROW_TEST_BAD_KEY": BAD_KEY,
            "HEDGEROW_TEST_CLOCK": str(folder / "clock"),
            "PYTHONPATH": os.pathsep.join(paths),
        }
        running = exits.enter_context(router(folder, config, **environment))
        caller = exits.enter_context(connected(running.addresses))
        admin = exits.enter_context(connected(running.addresses["admin_grpc"]))
        grpc.channel_ready_future(caller.channel).result(30)
        grpc.channel_ready_future(admin.channel).result(30)
        fds = Ground(sim, running, caller, admin, folder, relay, 0).descriptors()
        made = Ground(sim, running, caller, admin, folder, relay, fds, exits=exits, door=door)
        early = [made.place(case, trial) for case in cases for trial in case.trials if trial.early]
        with ThreadPoolExecutor(max(1, len(early))) as pool:
            made.early.update({place.route: pool.submit(tried, place) for place in early})
            yield made


@contextmanager
def _taken() -> Iterator[int]:
    """A port that is bound, so that nobody else gets it, and where nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def _self_signed(folder: Path) -> Path | None:
    """A certificate with its key that nobody has reason to trust."""
    path = folder / "untrusted.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    made = subprocess.run(
        [*command, "-keyout", str(path), "-out", str(folder / "certificate.pem")], capture_output=True, check=True
    )
    assert made.returncode == 0
    path.write_text(path.read_text() + (folder / "certificate.pem").read_text())
    return path


def within(measured_s: float, most_s: float, what: str) -> None:
    """Fails where something took longer than it may."""
    assert measured_s <= most_s, f"{what} took {measured_s:.3f} s, more than {most_s:g}"


def waited(work: Callable[[], Any]) -> tuple[Any, float]:
    """What it gives, and how long it took in seconds."""
    started_s = time.monotonic()
    return work(), time.monotonic() - started_s


def outcome_of(place: Place) -> Seen | str:
    """What a trial saw, or what was wrong. Leaves nothing behind, or that is what was wrong."""
    begun = place.ground.early.get(place.route)
    return tried(place) if begun is None else begun.result()


def tried(place: Place) -> Seen | str:
    """Tries it now."""
    try:
        seen = place.trial.run(place)
        place.check_clean()
    except AssertionError as error:
        return f"{place.trial.name}: {error}"
    except Exception as error:
        return f"{place.trial.name}: {type(error).__name__}: {error}"
    return seen
