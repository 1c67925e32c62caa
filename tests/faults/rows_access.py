"""Rows A: who may call. On routers of their own, one with keys and tokens, one with certificates."""

import datetime as dt
import json
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc
from faults.expect import check_answer, check_told
from faults.ground import BAD_KEY, Ground, Place, configuration, within
from faults.registry import HEALTHY, Candidate, Case, Mode, Seen, Trial, row
from hedgerow.admin.v1 import admin_service_pb2 as admin_pb
from rpc.access import CREDENTIALS, ROLES, Guarded, bearer, guarded
from rpc.caller import Caller, Outcome, connected, eventually
from rpc.certificates import Authority, credentials, tls
from rpc.issuer import Issuer, issuer, rsa_key
from rpc.refusals import CASES as REFUSED
from rpc.refusals import World, at, peopled, spoilt
from stack import Process, router

UNAUTHENTICATED = "UNAUTHENTICATED UNAUTHENTICATED"
REVOKED_WITHIN_S = 5.0
STORM = 300
"""Tokens under as many made-up key ids."""
SPIFFE = "spiffe://acme.example/ns/prod/sa/checkout"
MTLS = {"principals": [{"identity": SPIFFE, "tenant": "acme", "service": "checkout", "roles": ["app"]}]}
Metadata = list[tuple[str, str]]


@dataclass
class Access:
    """A router that asks who calls, and who is who there."""

    ground: Ground
    """The ground with this router in the place of the other."""
    guarded: Guarded
    """The same router with its operators' client."""
    world: World | None = None
    """Good and bad credentials, where it takes keys and tokens."""
    away: tuple[Issuer, ...] = ()
    """Issuers that may be made to fail, one for each mode."""
    authorities: tuple[Authority, Authority] | None = None
    """Where it takes certificates: whose its own is, and whose those of callers are."""


@contextmanager
def _started(ground: Ground, name: str, issuers: list[Issuer], **more: Any) -> Iterator[Access]:
    folder = ground.folder / name
    folder.mkdir(exist_ok=True)

    @contextmanager
    def start(*, server: Any = None, environment: dict[str, str], **sections: Any) -> Iterator[Process]:
        config = {**configuration(CASES, {"sim": ground.sim_url}), **sections}
        config["server"] |= server or {}
        config["credentials"] = CREDENTIALS
        with router(folder, config, HEDGEROW_TEST_BAD_KEY=BAD_KEY, **environment) as running:
            yield running

    # Whoever connects to the admin door is an operator, as on the ground itself.
    given = {"roles": {**ROLES, "app": {}}, "admin": {"access": "loopback"}, **more}
    with guarded(start, folder / "a.db", issuers, **given) as running:
        own = replace(ground, router=running.router, caller=running.caller, admin=running.admin_caller, folder=folder)
        yield Access(own, running)


@contextmanager
def _with_keys(ground: Ground) -> Iterator[Access]:
    with ExitStack() as exits:
        ours, stranger, *away = (exits.enter_context(issuer()) for _ in range(4))
        spoilt(ours)
        made = exits.enter_context(_started(ground, "keys", [ours, *away]))
        made.world, made.away = peopled(made.guarded, ours, stranger), tuple(away)
        yield made


@contextmanager
def _with_certificates(ground: Ground) -> Iterator[Access]:
    authority, callers = Authority(), Authority()
    folder = ground.folder / "certificates"
    folder.mkdir()
    server = {"grpc": tls(folder, authority, callers)}
    with _started(ground, "certificates", [], server=server, api_keys=None, mtls=MTLS) as made:
        made.authorities = (authority, callers)
        yield made


@contextmanager
def asked(place: Place, start: Callable[[Ground], Any]) -> Iterator[tuple[Access, Place]]:
    """The trial on one of these routers, which all trials share; it has met no fault of its own."""
    access: Access = place.ground.keep(start.__name__, lambda: start(place.ground))
    own = replace(place, ground=access.ground, traces={})
    yield access, own
    own.check_clean()
    lines = access.ground.log().splitlines()
    faults = [one for one in lines if "Traceback" in one or '"code":"INTERNAL"' in one]
    faults += [one for one in lines if " ERROR " in one and ": issuer http" not in one]
    assert not faults, faults[0]


def refused(name: str, cases: Sequence[str], good: Callable[[World], list[Metadata]] | None = None) -> Trial:
    """Credentials that are no good: UNAUTHENTICATED, and nothing at the provider. `good` are what they differ from."""

    def run(place: Place) -> Seen:
        with asked(place, _with_keys) as (access, own):
            assert access.world is not None
            outcomes = []
            for case in cases:
                outcomes.append(own.chat(metadata=REFUSED[case](access.world)))
                assert told(outcomes[-1]) == UNAUTHENTICATED, f"{case}: {told(outcomes[-1])}"
            seen = own.audit(*outcomes)
            for metadata in good(access.world) if good is not None else [bearer(access.world.good)]:
                served = own.chat(metadata=metadata)
                check_told(own, served, "a", "OK")
                check_answer(own, served)
                outcomes.append(served)
            own.audit(*outcomes)
            return replace(seen, note=f"{len(cases)} refused")

    return Trial(name, (HEALTHY,), run)


def told(outcome: Outcome[Any]) -> str:
    """The code, and the reason of a failure."""
    return "OK" if outcome.code is grpc.StatusCode.OK else f"{outcome.code.name} {outcome.reason}"


def equal_time(place: Place) -> Seen:
    """How much of a key is right, or whether there is such a key at all, shows in no time that a caller could measure;
    nothing but what has the form of a key makes anybody look anything up.
    """
    with asked(place, _with_keys) as (access, own):
        assert access.world is not None
        good = access.world.good
        tried = {
            "the first character wrong": good[:20] + ("a" if good[20] != "a" else "b") + good[21:],
            "the last character wrong": good[:-2] + ("aa" if good[-2] != "a" else "ba"),
            "SQL": "hk_' OR '1'='1' --",
        }
        took_s: dict[str, list[float]] = {name: [] for name in tried}
        outcomes = []
        for _ in range(30):
            for name, key in tried.items():
                began_s = time.perf_counter()
                outcomes.append(own.chat(metadata=bearer(key)))
                took_s[name].append(time.perf_counter() - began_s)
                assert told(outcomes[-1]) == UNAUTHENTICATED
        medians = {name: statistics.median(found) for name, found in took_s.items()}
        assert max(medians.values()) < 2 * min(medians.values()) + 0.001, medians
        seen = own.audit(*outcomes)
        # Of the statements in the keys nothing was carried out.
        assert any(one.tenant == "acme" for one in access.guarded.admin.list_keys())
    return replace(seen, note=" · ".join(f"{name}: {value * 1000:.2f} ms" for name, value in medians.items()))


def a1(mode: Mode) -> Iterator[Trial]:
    """No credential, or nonsense."""
    names = ["nothing", "garbage", "sql", "sql as id", "an empty authorization", "Basic", "no scheme", "hk_ alone"]
    yield refused("nobody", [*names, "the prefix alone", "an unknown key", "a key cut by one", "the good one twice"])
    yield Trial("equal-time", (HEALTHY,), equal_time)


def a2(mode: Mode) -> Iterator[Trial]:
    """The times of a token: 60 s of leeway, and no more."""

    def good(world: World) -> list[Metadata]:
        ours = world.issuer
        return [bearer(one) for one in (ours.token(exp=at(-30)), ours.token(nbf=at(30)), ours.token(iat=at(30)))]

    names = ["expired", "not valid yet", "issued in the future", "no expiry", "an expiry that is text"]
    yield refused("times", names, good)


def a3(mode: Mode) -> Iterator[Trial]:
    """Signatures that prove nothing."""
    names = ["alg none", "alg None", "alg empty", "hs256 under the public key", "hs256 under a key of the set"]
    names += ["an algorithm that is not configured", "es256 naming the rsa key", "rs256 naming the ec key"]
    names += ["a key of another algorithm", "a key for encryption", "another's key under our id"]
    names += ["a path as key id", "sql as key id", "a url as key id", "jku", "x5u", "an embedded key"]
    names += ["an embedded certificate", "crit", "crit with an extension", "altered claims", "a cut signature"]
    yield refused("signatures", names, lambda world: [bearer(world.issuer.token(kid)) for kid in ("rsa", "ec")])


def claimed(place: Place) -> Seen:
    """Whoever says in the metadata that he is somebody else stays who he is."""
    with asked(place, _with_keys) as (access, own):
        assert access.world is not None
        claims = [("x-tenant", "victim"), ("tenant", "victim"), ("x-forwarded-user", "root")]
        outcomes = [
            own.chat(metadata=[*shown, *claims])
            for shown in (bearer(access.world.good), bearer(access.world.issuer.token()))
        ]
        for outcome in outcomes:
            check_told(own, outcome, "a", "OK")
            line = eventually(lambda outcome=outcome: _line(own, outcome), "the line of the call")  # type: ignore[misc]
            assert line["tenant"] == "acme", line
        return own.audit(*outcomes)


def _line(own: Place, outcome: Outcome[Any]) -> dict[str, Any] | None:
    lines = [one for one in own.ground.log().splitlines() if outcome.request_id in one]
    return json.loads(lines[-1]) if lines else None


def a4(mode: Mode) -> Iterator[Trial]:
    """Tokens for others, and claims beside the token."""
    names = ["another audience", "no audience", "an unknown issuer", "another issuer's name under our key"]
    names += ["our issuer's name under another's key", "the issuer with a slash", "no issuer", "the issuer as a list"]
    yield refused("others", [*names, "claims in metadata", "a certificate in metadata"])
    yield Trial("claims", (HEALTHY,), claimed)


def storm(place: Place) -> Seen:
    """Made-up key ids have the keys fetched once in 30 s, whoever sends how many."""
    with asked(place, _with_keys) as (access, own):
        assert access.world is not None
        ours, key = access.world.issuer, rsa_key()
        made_up = [bearer(ours.token(f"made-up-{place.mode.value}-{number}", key=key)) for number in range(STORM)]
        before, began_s = ours.fetches, time.monotonic()
        with ThreadPoolExecutor(8) as pool:
            outcomes = list(pool.map(lambda metadata: own.chat(metadata=metadata), made_up))
        took_s = time.monotonic() - began_s
        assert {told(one) for one in outcomes} == {UNAUTHENTICATED}
        fetches = ours.fetches - before
        assert fetches <= 1 + took_s // 30, f"{fetches} fetches in {took_s:.1f} s"
        served = own.chat(metadata=bearer(ours.token()))
        check_told(own, served, "a", "OK")
        seen = own.audit(*outcomes, served)
    return replace(seen, note=f"{STORM / took_s:.0f} made-up key ids a second, {fetches} fetches")


def down(place: Place) -> Seen:
    """An issuer that is away: its known keys serve, and of others nobody can tell."""
    with asked(place, _with_keys) as (access, own):
        away = access.away[0 if place.mode is Mode.UNARY else 1]
        away.down = True
        unknown = own.chat(metadata=bearer(away.token("made-up", key=rsa_key())))
        assert told(unknown) == "UNAVAILABLE IDENTITY_UNAVAILABLE", told(unknown)
        known = own.chat(metadata=bearer(away.token("ec")))
        check_told(own, known, "a", "OK")
        return own.audit(unknown, known)


def a5(mode: Mode) -> Iterator[Trial]:
    """The issuer's keys."""
    yield Trial("storm", (HEALTHY,), storm)
    yield Trial("down", (HEALTHY,), down)


def revoked(place: Place) -> Seen:
    """New calls fail, and those under way end, all within 5 s."""
    with asked(place, _with_keys) as (access, own):
        text, key_id = access.guarded.key()
        arrived: list[Any] = []
        into: dict[str, Any] = {"into": arrived} if place.mode is Mode.STREAM else {}
        with ThreadPoolExecutor(1) as pool:
            going = pool.submit(own.chat, metadata=bearer(text), **into)
            eventually(own.taken, "the provider has taken the call")
            # `Started` is sent on its own: with the second message something of the answer has come.
            eventually(lambda: place.mode is Mode.UNARY or len(arrived) > 1, "the answer has begun")
            access.guarded.admin.revoke_key(key_id)
            began_s = time.monotonic()
            cut = going.result()
            took_s = time.monotonic() - began_s
        within(took_s, REVOKED_WITHIN_S, "the end of the call")
        marks = "a?~" if place.mode is Mode.STREAM else "a?"
        check_told(own, cut, marks, UNAUTHENTICATED)
        assert dict(cut.info.metadata) == {"keyId": key_id, "keyState": "revoked"}
        after = own.chat(metadata=bearer(text))
        assert told(after) == UNAUTHENTICATED
        # In one piece nothing had come yet: what the provider had generated by then is known to it alone.
        seen = own.audit(cut, after) if place.mode is Mode.STREAM else Seen()
        (entry,) = own.entries()
        assert entry["outcome"] == "cancelled", entry["outcome"]
    return replace(seen, status=UNAUTHENTICATED, attempts=marks, note=f"a call under way ended after {took_s:.2f} s")


def disabled(place: Place) -> Seen:
    """A tenant that was switched off is told so, and others are served."""
    with asked(place, _with_keys) as (access, own):
        tenant = f"off-{place.mode.value}"
        admin = access.guarded.admin
        text, other = access.guarded.key(tenant=tenant)[0], access.guarded.key(tenant="other")[0]
        admin.set_kill_switch(admin_pb.KILL_SCOPE_TENANT, tenant, "a test")
        off, served = own.chat(metadata=bearer(text)), own.chat(metadata=bearer(other))
        assert told(off) == "UNAVAILABLE SWITCHED_OFF", told(off)
        admin.clear_kill_switch(admin_pb.KILL_SCOPE_TENANT, tenant)
        again = own.chat(metadata=bearer(text))
        for one in (served, again):
            check_told(own, one, "a", "OK")
        return own.audit(off, served, again)


def a6(mode: Mode) -> Iterator[Trial]:
    """A key that is taken away, and a tenant that is switched off."""
    yield Trial("revoked", (Candidate("sim-tokens-400-50"),), revoked)
    yield Trial("disabled", (HEALTHY,), disabled)


@contextmanager
def shown(access: Access, *names: str, authority: Authority | None = None, **more: Any) -> Iterator[Caller]:
    """A caller with a certificate of these names, or none."""
    assert access.authorities is not None
    ours, callers = access.authorities
    pair = (authority or callers).issue(*names, **more) if names else None
    with connected(access.ground.router.addresses["grpc"], credentials(ours, pair)) as caller:
        yield caller


def strange(place: Place) -> Seen:
    """A certificate of another authority, one that has expired, and none: the handshake fails. One that names nobody:
    UNAUTHENTICATED.
    """
    with asked(place, _with_certificates) as (access, own):
        bad: list[dict[str, Any]] = [{"authority": Authority()}, {"life": -dt.timedelta(hours=1)}]
        for more in bad:
            with shown(access, SPIFFE, **more) as caller:
                assert own.chat(caller=caller, timeout=5).code is grpc.StatusCode.UNAVAILABLE
        with shown(access) as caller:
            assert own.chat(caller=caller, timeout=5).code is grpc.StatusCode.UNAVAILABLE
        outcomes = []
        for names in (("spiffe://acme.example/ns/prod/sa/other",), ("dns:checkout.acme.example",)):
            with shown(access, *names, common="checkout") as caller:
                outcomes.append(own.chat(caller=caller))
                assert told(outcomes[-1]) == UNAUTHENTICATED
        assert own.entries() == []
        with shown(access, SPIFFE) as caller:
            served = own.chat(caller=caller)
            check_told(own, served, "a", "OK")
        return replace(own.audit(served, *outcomes), attempts="a")


def rotated(place: Place) -> Seen:
    """The router's own certificate is replaced three times while calls go on, on old and on new connections."""
    with asked(place, _with_certificates) as (access, own):
        assert access.authorities is not None
        outcomes: list[Outcome[Any]] = []
        over = threading.Event()

        def stay() -> None:
            with shown(access, SPIFFE) as caller:
                while not over.is_set():
                    outcomes.append(own.chat(caller=caller))

        def come_and_go() -> None:
            while not over.is_set():
                with shown(access, SPIFFE) as caller:
                    outcomes.append(own.chat(caller=caller))

        with ThreadPoolExecutor(2) as pool:
            going = [pool.submit(stay), pool.submit(come_and_go)]
            try:
                for _ in range(3):
                    before = len(outcomes)
                    put(access.ground.folder, *access.authorities[0].issue())
                    eventually(lambda before=before: len(outcomes) > before + 4, "calls after it")  # type: ignore[misc]
            finally:
                over.set()
        for one in going:
            one.result()
        assert {told(one) for one in outcomes} == {"OK"}, {(one.code, one.text) for one in outcomes}
        # The event loop's server looks at the files every half second.
        eventually(lambda: "was read again and is in force" in access.ground.log(), "the certificate is in force")
        seen = own.audit(*outcomes)
    return replace(seen, note=f"{len(outcomes)} calls while the certificate was replaced 3 times, none failed")


def put(folder: Path, certificate: bytes, key: bytes) -> None:
    """Puts a certificate and its key in the place of those of a door, one after the other."""
    for name, content in (("certificate", certificate), ("key", key)):
        fresh = folder / f"{name}.new"
        fresh.write_bytes(content)
        fresh.replace(folder / f"{name}.pem")


def a7(mode: Mode) -> Iterator[Trial]:
    """Certificates."""
    yield Trial("strange", (HEALTHY,), strange)
    yield Trial("rotated", (HEALTHY,), rotated)


CASES: list[Case] = [
    *row("A1", "no credential, garbage, SQL as a key", a1, alone=True),
    *row("A2", "a token's times", a2, alone=True),
    *row("A3", "signatures that prove nothing", a3, alone=True),
    *row("A4", "tokens for others, claims beside them", a4, alone=True),
    *row("A5", "unknown key ids, the issuer is down", a5, alone=True),
    *row("A6", "a key revoked, a tenant switched off", a6, alone=True),
    *row("A7", "certificates: strange, expired, replaced", a7, alone=True),
]
