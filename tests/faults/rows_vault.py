"""Rows V: the provider's key is in a Vault, which fails. On a router of their own, before a Vault of the tests."""

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from faults.expect import check_answer, check_told
from faults.ground import Ground, Place, configuration
from faults.registry import HEALTHY, Candidate, Case, Mode, Seen, Trial, row
from hedgerow.admin.v1.credential_pb2 import Credential
from hedgerow_client import UnavailableError
from hedgerow_client.admin import AdminClient
from rpc.caller import connected, eventually
from stack import KEY, Process, router
from vault.fake import FakeVault, fake_vault

MORTAL = "bad"
"""The credential with a hard life. All routers of the catalogue have one of this name."""
RACING = 6
"""Calls that are refused together."""


@dataclass
class World:
    """A router whose key is in a Vault."""

    ground: Ground
    """The ground with this router in the place of the other."""
    vault: FakeVault
    admin: AdminClient
    number: int = 0

    @property
    def key(self) -> str:
        """The provider's newest key."""
        return f"sk-vault-canary-{self.number:04}"

    def rotate(self) -> None:
        """Another key; the one before is refused from now on."""
        self.number += 1
        # That of everybody else stays good.
        body = f'{{"keys": ["{KEY}", "{self.key}"]}}'.encode()
        with urlopen(Request(f"{self.ground.sim_url}/_sim/keys", data=body, method="PUT"), timeout=10):
            pass
        self.vault.put("openai", key=self.key)

    def told(self, name: str) -> Credential:
        """What the router says of a credential."""
        return next(one for one in self.admin.list_credentials() if one.name == name)

    def versions(self) -> int:
        """How many keys the router has had."""
        return self.told("sim").versions_count


def _config(ground: Ground, vault: FakeVault, folder: Path) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    role_id, secret_id = vault.approle()
    login: dict[str, Any] = {"method": "approle"}
    for name, text in (("role_id", role_id), ("secret_id", secret_id)):
        path = folder / name
        path.write_text(text)
        login[name] = {"source": "file", "path": str(path)}
    secret = {"source": "vault", "path": "openai", "field": "key"}
    return {
        **configuration(CASES, {"sim": ground.sim_url}),
        # What changes is noticed when somebody asks, not before.
        "vault": {"address": vault.address, "login": login, "poll_seconds": 600, "timeout_seconds": 3},
        "credentials": {"sim": secret, MORTAL: {**secret, "stale_seconds": 1}},
    }


@contextmanager
def _behind(ground: Ground, running: Process, folder: Path) -> Iterator[tuple[Ground, AdminClient]]:
    with ExitStack() as exits:
        caller = exits.enter_context(connected(running.addresses["grpc"]))
        admin = exits.enter_context(connected(running.addresses["admin_grpc"]))
        client = exits.enter_context(AdminClient(running.addresses["admin_grpc"], timeout=30))
        yield replace(ground, router=running, caller=caller, admin=admin, folder=folder), client


@contextmanager
def _with_vault(ground: Ground) -> Iterator[World]:
    folder = ground.folder / "vault"
    with fake_vault() as vault, ExitStack() as exits:
        vault.put("openai", key=KEY)
        running = exits.enter_context(router(folder, _config(ground, vault, folder)))
        own, admin = exits.enter_context(_behind(ground, running, folder))
        yield World(own, vault, admin)


@contextmanager
def asked(place: Place) -> Iterator[tuple[World, Place]]:
    """The trial on that router, with a key that is good. It has met no fault of its own, and told no key."""
    world: World = place.ground.keep("vault", lambda: _with_vault(place.ground))
    world.rotate()
    world.admin.refresh_credential("sim")
    own = replace(place, ground=world.ground, traces={})
    yield world, own
    own.check_clean()
    text = world.ground.log()
    faults = [one for one in text.splitlines() if "Traceback" in one or '"code":"INTERNAL"' in one or " ERROR " in one]
    assert not faults, faults[0]
    assert "canary" not in text


def served(own: Place, attempts: str = "a") -> Any:
    """A call that is served."""
    outcome = own.chat()
    check_told(own, outcome, attempts, "OK")
    check_answer(own, outcome)
    return outcome


Away = Callable[[FakeVault], None]


def standing(status: int, health: int) -> Away:
    """Vault answers with a status, and tells why by that of sys/health."""

    def begin(vault: FakeVault) -> None:
        vault.health, vault.answers = health, {"secret/": status}

    return begin


def back(vault: FakeVault) -> None:
    """As it was."""
    vault.health, vault.answers = 200, {}
    vault.thaw()


OUTAGES: dict[str, tuple[Away, Away]] = {
    "sealed": (lambda vault: vault.seal(), back),
    "standby-429": (standing(429, 429), back),
    "standby-473": (standing(473, 473), back),
    "cut-off-474": (standing(500, 474), back),
    "quota-429": (standing(429, 200), back),
    "failing-500": (standing(500, 500), back),
    "refused": (lambda vault: vault.stop(), lambda vault: vault.start()),
}


def outage(name: str) -> Trial:
    """The last good key serves; a rotation is taken up after Vault's return, by nobody's doing."""

    def run(place: Place) -> Seen:
        begin, end = OUTAGES[name]
        with asked(place) as (world, own):
            begin(world.vault)
            try:
                with pytest.raises(UnavailableError, match="The last good secret stays in use"):
                    world.admin.refresh_credential("sim")
                outcomes = [served(own)]
                # The other credential may not live for so long without Vault.
                assert "credential sim" not in _readiness(own.ground.router)[1]
                before = world.versions()
            finally:
                end(world.vault)
            world.rotate()
            eventually(lambda: world.versions() > before, "the rotation is taken up")
            outcomes.append(served(own))
            return own.audit(*outcomes)

    return Trial(name, (HEALTHY,), run)


def hard_life(place: Place) -> Seen:
    """A key whose policy says for how long it may be used without a word of Vault."""
    with asked(place) as (world, own):
        world.admin.refresh_credential(MORTAL)
        first = served(own)
        world.vault.seal()
        try:
            with pytest.raises(UnavailableError):
                world.admin.refresh_credential(MORTAL)
            eventually(lambda: not world.told(MORTAL).ready, "the end of the key's hard life")
            gone = own.chat()
        finally:
            back(world.vault)
        check_told(own, gone, "", "UNAVAILABLE CREDENTIAL_UNAVAILABLE", "-1")
        world.admin.refresh_credential(MORTAL)
        return replace(own.audit(first, gone, served(own)), status="UNAVAILABLE CREDENTIAL_UNAVAILABLE")


def v1(mode: Mode) -> Iterator[Trial]:
    """Vault is away."""
    yield from map(outage, OUTAGES)
    yield Trial("hard-life", (Candidate(HEALTHY.model, provider={"credential": MORTAL}),), hard_life)


def token_lost(place: Place) -> Seen:
    """The token was revoked: another login, and whatever was asked for goes on."""
    with asked(place) as (world, own):
        world.vault.revoke_tokens()
        world.rotate()
        assert world.admin.refresh_credential("sim").changed
        return own.audit(served(own))


def denied(place: Place) -> Seen:
    """The policy does not let us read any more: the last good key serves, until it does again."""
    with asked(place) as (world, own):
        world.vault.deny("secret/")
        try:
            with pytest.raises(UnavailableError, match="Vault denies reading secret/openai"):
                world.admin.refresh_credential("sim")
            outcomes = [served(own)]
        finally:
            world.vault.allow("secret/")
        world.rotate()
        assert world.admin.refresh_credential("sim").changed
        outcomes.append(served(own))
        return own.audit(*outcomes)


def v2(mode: Mode) -> Iterator[Trial]:
    """Vault refuses us."""
    yield Trial("token-lost", (HEALTHY,), token_lost)
    yield Trial("denied", (HEALTHY,), denied)


def in_flight(place: Place) -> Seen:
    """The key is rotated under a call, and the old one refused at once: the call ends as it began, the next is refused,
    fetches the new key and is served.
    """
    with asked(place) as (world, own), ThreadPoolExecutor(1) as pool:
        going = pool.submit(own.chat)
        eventually(own.taken, "the provider has taken the call")
        world.rotate()
        after = own.chat()
        # The other credential has the same secret, and may just have had it read anew.
        story = own.attempts(after)
        assert story in ("a!PROVIDER_AUTH a", "a"), story
        check_told(own, after, story, "OK")
        before = going.result()
        check_told(own, before, "a", "OK")
        outcomes = [before, after, served(own)]
        return own.audit(*outcomes)


def together(place: Place) -> Seen:
    """Many calls are refused together: Vault is asked once, and each is served."""
    with asked(place) as (world, own):
        world.rotate()
        asked_before = len(world.vault.asked)
        with ThreadPoolExecutor(RACING) as pool:
            outcomes = list(pool.map(lambda _: own.chat(), range(RACING)))
        stories = {own.attempts(one) for one in outcomes}
        assert stories <= {"a!PROVIDER_AUTH a", "a"}, stories
        assert "a!PROVIDER_AUTH a" in stories
        reads = [path for _, path, _ in world.vault.asked[asked_before:] if path == "secret/data/openai"]
        # One for each credential that has this key.
        assert len(reads) == 1, reads
        return replace(own.audit(*outcomes), note=f"{RACING} calls, Vault was read once")


def v3(mode: Mode) -> Iterator[Trial]:
    """The key is rotated, and the old one dies early."""
    yield Trial("in-flight", (Candidate("sim-tokens-60-20"),), in_flight)
    yield Trial("together", (HEALTHY,), together)


def frozen(place: Place) -> Seen:
    """Vault takes a request and does not answer: calls that have their key are served meanwhile."""
    with asked(place) as (world, own), ThreadPoolExecutor(1) as pool:
        world.vault.freeze()
        try:
            refreshing = pool.submit(_refreshed, world)
            eventually(lambda: world.vault.asked[-1][1].startswith("secret/"), "Vault is being asked")
            outcomes = [served(own) for _ in range(5)]
        finally:
            world.vault.thaw()
        refreshing.result()
        return replace(own.audit(*outcomes), note="5 calls while Vault was silent")


def _refreshed(world: World) -> None:
    # It may be thawed in time.
    with contextlib.suppress(UnavailableError):
        world.admin.refresh_credential("sim")


def v4(mode: Mode) -> Iterator[Trial]:
    """Vault is slow."""
    yield Trial("frozen", (HEALTHY,), frozen)


def started_without(place: Place) -> Seen:
    """A router that starts without Vault is not ready, says why, and serves soon after its return."""
    with fake_vault() as vault, ExitStack() as exits:
        vault.put("openai", key=KEY)
        folder = place.ground.folder / f"without-vault-{place.mode.value}"
        config = _config(place.ground, vault, folder)
        vault.stop()
        running = exits.enter_context(router(folder, config))
        own_ground, _ = exits.enter_context(_behind(place.ground, running, folder))
        own = replace(place, ground=own_ground, traces={})
        status, text = _readiness(running)
        assert (status, "credential sim: Vault cannot be reached" in text) == (503, True), text
        refused = own.chat()
        check_told(own, refused, "", "UNAVAILABLE CREDENTIAL_UNAVAILABLE", "-1")
        vault.start()
        eventually(lambda: _readiness(running)[0] == 200, "the router is ready")
        return own.audit(refused, served(own))


def _readiness(running: Process) -> tuple[int, str]:
    try:
        with urlopen(f"http://{running.addresses['admin_http']}/readyz", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def v5(mode: Mode) -> Iterator[Trial]:
    """Vault is down at the start."""
    yield Trial("start", (HEALTHY,), started_without)


CASES: list[Case] = [
    *row("V1", "Vault is sealed, a standby, failing, away", v1, alone=True),
    *row("V2", "Vault denies, the token is lost", v2, alone=True),
    *row("V3", "rotation in flight, the old key dies early", v3, alone=True),
    *row("V4", "Vault is slow", v4, alone=True),
    *row("V5", "Vault is down at the start", v5, alone=True),
]
