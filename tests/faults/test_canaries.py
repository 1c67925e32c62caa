"""Secrets that were made up for this one run, in every place where a router has or is shown one, are in nothing that it
tells anybody: while all goes wrong that can, and at the most talkative level of the log.
"""

import base64
import itertools
import json
import os
import secrets
import signal
import sys
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from faults.echo import STATUSES, Echo, echoing
from faults.registry import every_case
from google.protobuf import message_factory
from hedgerow.admin.v1 import admin_service_pb2 as admin_pb
from hedgerow_client.cli.verbs import build
from rpc.access import Guarded, bearer, guarded
from rpc.caller import ANTHROPIC, COMPLETE, OPENAI_STREAM, STREAM_COMPLETE, WAYS, Outcome, Way, eventually, get
from rpc.issuer import Issuer, issuer, rsa_key
from stack import DIALECTS, Process, router, simulator
from typer.testing import CliRunner

WINDOW_CHARS = 12
"""As little of a secret counts as a leak."""
LEAST = 20
SHORT_S = 0.6
"""How long a faulty call may take: what it tells it tells by then, or at its deadline."""
ALL: Mapping[str, tuple[dict[str, object], str, str | None]] = {
    **DIALECTS,
    "openai": ({"dialect": "openai", "base_url": "{sim}/v1"}, "gpt-4o-mini", None),
}
TOLD_OF_ALL = ("sim-401", "sim-429", "sim-500", "sim-html", "sim-malformed", "sim-error-in-stream")
TOO_LONG = ("sim-tiny-events", "sim-tokens-1", "sim-gzip-bomb", "sim-nested-bomb")
"""Models that others look at, and that take a while."""


class Canaries:
    """The secrets, by what they are."""

    def __init__(self) -> None:
        self.by_name: dict[str, str] = {}

    def new(self, name: str, prefix: str = "sk-") -> str:
        """A secret that looks like one."""
        self.by_name[name] = prefix + secrets.token_hex(20)
        return self.by_name[name]

    def note(self, name: str, secret: str) -> str:
        """A secret that somebody else has made up: what of it is secret."""
        self.by_name[name] = secret
        return secret

    def found_in(self, sinks: Mapping[str, bytes]) -> list[str]:
        """Each secret with the place that it is in, whole or in part, as it is or encoded."""
        found = []
        for name, secret in self.by_name.items():
            forms = list(_forms(secret))
            found += [f"{name} is in {sink}" for sink, content in sinks.items() if any(one in content for one in forms)]
        return found


def _forms(secret: str) -> Iterator[bytes]:
    raw = secret.encode()
    tail = raw[3:]  # what stands before is the same for many
    yield from (tail[at : at + WINDOW_CHARS] for at in range(len(tail) - WINDOW_CHARS + 1))
    yield base64.b64encode(raw).rstrip(b"=")
    yield raw.hex().encode()
    yield urllib.parse.quote(secret, safe="").encode()
    yield raw[::-1]


@dataclass
class Scene:
    """A router with canaries all over, and what everybody was told."""

    canaries: Canaries
    echo: Echo
    issuer: Issuer
    guarded: Guarded
    folder: Path
    operator: str
    outcomes: list[Outcome[Any]] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)

    def call(self, metadata: list[tuple[str, str]], model: str, rpc: Way, **more: Any) -> Outcome[Any]:
        """Makes a call and keeps what it was told."""
        outcome = self.guarded.caller.chat(rpc, model, metadata=metadata, **more)
        self.outcomes.append(outcome)
        return outcome


def _configured(canaries: Canaries, echo: Echo, sim_url: str, folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Providers, routes and credentials; and the environment in which the secrets are."""
    environment: dict[str, str] = {}
    credentials: dict[str, Any] = {}

    def in_environment(name: str, secret: str) -> dict[str, str]:
        variable = "CANARY_" + name.upper().replace("-", "_")
        environment[variable] = secret
        return {"source": "env", "variable": variable}

    def in_file(name: str, secret: str) -> dict[str, str]:
        (folder / name).write_text(secret)
        return {"source": "file", "path": str(folder / name)}

    credentials["good"] = in_file("good", canaries.by_name["the simulator's key"])
    signing = {name: canaries.new(f"aws {name}") for name in ("access_key_id", "secret_access_key", "session_token")}
    credentials["aws"] = in_file("aws", json.dumps(signing))
    credentials["google"] = {"source": "google", "path": str(folder / "google.json")}
    account = rsa_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    canaries.note("a line of google's private key", account.splitlines()[10])
    google = {"type": "service_account", "client_email": "a@b.example", "token_uri": f"{echo.url}/400/token"}
    google |= {"private_key": account, "private_key_id": canaries.new("google private_key_id")}
    (folder / "google.json").write_text(json.dumps(google))
    credentials["vault"] = {"source": "vault", "path": "openai", "field": "key"}
    providers: dict[str, Any] = {
        "aws": {"dialect": "bedrock", "region": "us-east-1", "base_url": f"{echo.url}/403", "credential": "aws"},
        "google": {**DIALECTS["vertex"][0], "base_url": echo.url, "credential": "google"},
        "vault": {"dialect": "openai", "base_url": f"{echo.url}/401/v1", "credential": "vault"},
    }
    routes: dict[str, Any] = {name: _route(name, "gpt-4o-mini") for name in ("aws", "google", "vault")}
    for dialect, (settings, model, _) in ALL.items():
        credentials[f"bad-{dialect}"] = in_environment(f"bad-{dialect}", canaries.new(f"a refused key of {dialect}"))
        for number, status in enumerate(STATUSES):
            url = str(settings["base_url"]).format(sim=f"{echo.url}/{status}")
            name = f"echo-{dialect}-{status}"
            providers[name] = {**settings, "base_url": url, "credential": f"bad-{dialect}"}
            providers[name]["transport"] = ("thin", "aiohttp", "httpx")[number % 3]
            routes[name] = _route(name, model)
        url = str(settings["base_url"]).format(sim=sim_url)
        providers[f"sim-{dialect}"] = {**settings, "base_url": url, "credential": "good"}
    for number, (dialect, model) in enumerate(_models()):
        routes[f"sim-{number}"] = _route(f"sim-{dialect}", model)
    routes["fast"] = _route("sim-openai", "gpt-4o-mini")
    login = {"method": "approle", "role_id": in_environment("role-id", canaries.new("vault role id"))}
    login["secret_id"] = in_environment("secret-id", canaries.new("vault secret id"))
    sections = {
        "server": {door: {"listen": "127.0.0.1:0"} for door in ("grpc", "admin_grpc", "admin_http", "http")},
        "vault": {"address": echo.url, "login": login},
        "providers": providers,
        "routes": routes,
        "telemetry": {"log_level": "debug"},
    }
    for name, what in (("pepper", "pepper"), ("old-pepper", "pepper of before"), ("operator", "operator's token")):
        credentials[name] = in_environment(name, canaries.new(what, "hp-"))
    return {**sections, "credentials": credentials}, environment


def _route(provider: str, model: str) -> dict[str, Any]:
    return {"kind": "chat", "candidates": [{"provider": provider, "model": model}], "max_attempts": 2}


def _models() -> list[tuple[str, str]]:
    """What goes wrong in the fault catalogue: all of it in one dialect, the worst in each."""
    listed = [one for case in every_case() for trial in case.trials for one in trial.candidates]
    catalogue = {one.model: None for one in listed if one.dialect == "openai" and one.at == "sim"}
    found = [("openai", model) for model in catalogue if not model.startswith(TOO_LONG)]
    return found + [(dialect, model) for dialect in DIALECTS for model in TOLD_OF_ALL]


@contextmanager
def _scene(folder: Path) -> Iterator[Scene]:
    canaries = Canaries()
    with ExitStack() as exits:
        key = canaries.new("the simulator's key")
        sim = exits.enter_context(simulator(folder, "--api-key", key))
        echo, ours = exits.enter_context(echoing()), exits.enter_context(issuer())
        config, environment = _configured(canaries, echo, f"http://{sim.addresses['http']}", folder)

        @contextmanager
        def start(*, identity: dict[str, Any], store: dict[str, Any], **_: Any) -> Iterator[Process]:
            with router(folder, {**config, "identity": identity, "store": store}, **environment) as running:
                yield running

        api_keys = {"pepper": "pepper", "old_peppers": ["old-pepper"]}
        operator = environment["CANARY_OPERATOR"]
        given: dict[str, Any] = {"api_keys": api_keys, "roles": {"app": {}}}
        running = exits.enter_context(guarded(start, folder / "a.db", [ours], operator=operator, **given))
        yield Scene(canaries, echo, ours, running, folder, operator)


def _callers(scene: Scene) -> None:
    """Whoever calls, with what is good and with what is not, at every door."""
    canaries, ours = scene.canaries, scene.issuer

    def key(name: str, **wish: Any) -> tuple[str, str]:
        text, key_id = scene.guarded.key(**wish)
        canaries.note(name, text.rpartition("_")[2])
        return text, key_id

    def token(name: str, **claims: Any) -> str:
        text = ours.token(private=canaries.new(f"a claim of {name}"), **claims)
        canaries.note(f"the signature of {name}", text.rpartition(".")[2])
        return text

    good, _ = key("an API key")
    revoked, revoked_id = key("a revoked API key")
    scene.guarded.admin.revoke_key(revoked_id)
    good_token = token("a token")
    basic = base64.b64encode(f"user:{canaries.new('a password')}".encode()).decode()
    unknown = f"hk_{'q' * 16}_" + canaries.note("an unknown API key", _base32())
    wrong = good[:20] + canaries.note("a wrong secret under a good id", _base32())
    credentials = [good, revoked, unknown, wrong, good_token, canaries.new("no key and no token")]
    credentials += [token("an expired token", exp=1), token("a token for others", aud="others"), good_token[:-9]]
    shown = [bearer(one) for one in credentials]
    shown += [[("authorization", f"Basic {basic}")], [("authorization", canaries.new("a key without a scheme"))]]
    shown += [bearer(canaries.new("the first of two")) + bearer(canaries.new("the second of two"))]
    for name in ("x-api-key", "api-key", "cookie", "proxy-authorization", "x-amz-security-token", "x-goog-api-key"):
        # The call is good; what else it carries is nobody's business.
        shown.append([*bearer(good), (name, canaries.new(f"a caller's {name}"))])
    for metadata in shown:
        for rpc in WAYS:
            scene.call(metadata, "fast", rpc)
        request = admin_pb.GetConfigRequest()
        method = "/hedgerow.admin.v1.AdminService/GetConfig"
        scene.outcomes.append(
            scene.guarded.admin_caller.unary(method, request, admin_pb.GetConfigResponse.FromString, metadata=metadata)
        )
    served = [one.code for one in scene.outcomes if one.code is grpc.StatusCode.OK]
    # Over HTTP `x-api-key` is a credential as well, and two that differ are none.
    assert len(served) == 2 * 8 + 4 * 7, "a good key, a good token, and the key with each of six headers, in each way"
    _faults(scene, bearer(good))


def _faults(scene: Scene, good: list[tuple[str, str]]) -> None:
    """All routes, at every door."""
    routes = [f"echo-{dialect}-{status}" for dialect in ALL for status in STATUSES]
    routes += [f"sim-{number}" for number in range(len(_models()))] + ["aws", "google", "vault", "nobody"]

    def ask(model: str, rpc: Way) -> None:
        timeout = SHORT_S if model.startswith("sim-") else 30.0
        scene.call(good, model, rpc, timeout=timeout)

    with ThreadPoolExecutor(8) as pool:
        asked = [
            pool.submit(ask, *one)
            for one in itertools.product(routes, (COMPLETE, STREAM_COMPLETE, OPENAI_STREAM, ANTHROPIC))
        ]
        for one in asked:
            one.result()


def _operators(scene: Scene) -> None:
    """Everything that tells something, by RPC and by command; and files that have a secret where none belongs."""
    canaries = scene.canaries
    config = scene.folder / "router.yaml"
    good = config.read_text()
    spoilt = [
        good.replace("log_level: debug", f"log_level: {canaries.new('a value of a key')}"),
        f"{good}\nsecret: {canaries.new('a value of an unknown key')}\n",
        good.replace("variable: CANARY_PEPPER", f"variable: {canaries.new('a secret in the place of its name')}"),
        good.replace("\nproviders:", f"\nproviders: [{canaries.new('a secret in broken YAML')}", 1),
        good.replace(f"address: {scene.echo.url}", f"address: http://u:{canaries.new('a password in a URL')}@h"),
    ]
    assert all(one != good for one in spoilt)
    for text in spoilt:
        _put(config, text)
        _keep(scene, "Reload", admin_pb.ReloadRequest())
        scene.texts[f"hedgerow reload {len(scene.texts)}"] = _hedgerow(scene, "reload", "--json")
        scene.guarded.router.popen.send_signal(signal.SIGHUP)
    _put(config, good)
    (scene.folder / "good").write_text(canaries.new("a key that took the place of another"))
    commands = ["reload", "state", "models", "keys list", "audit", "credentials", "credentials refresh good"]
    commands += ["credentials refresh google", "credentials refresh vault", "estimate fast hi", "explain fast hi"]
    for command in commands:
        scene.texts[f"hedgerow {command}"] = _hedgerow(scene, *command.split(), "--json")
    scene.texts["hedgerow audit verify"] = _hedgerow(scene, "audit", "verify")
    scene.texts["hedgerow chat"] = _hedgerow(scene, "chat", "--json", "-m", "echo-openai-401", "hi")
    for method in admin_pb.DESCRIPTOR.services_by_name["AdminService"].methods:
        if method.name.startswith(("List", "Get", "Verify", "Explain")):
            _keep(scene, method.name, message_factory.GetMessageClass(method.input_type)())
    for page in ("healthz", "readyz", "drift", "metrics", ""):
        scene.texts[f"/{page}"] = get(f"http://{scene.guarded.router.addresses['admin_http']}/{page}")[1]


def _keep(scene: Scene, name: str, request: Any) -> None:
    answer: Callable[[bytes], bytes] = bytes
    method = f"/hedgerow.admin.v1.AdminService/{name}"
    scene.outcomes.append(scene.guarded.admin_caller.unary(method, request, answer, metadata=bearer(scene.operator)))


def _hedgerow(scene: Scene, *arguments: str) -> str:
    addresses = scene.guarded.router.addresses
    environment = {"HEDGEROW_ADMIN": addresses["admin_grpc"], "HEDGEROW_TARGET": addresses["grpc"]}
    environment |= {"HEDGEROW_TOKEN": scene.operator, "COLUMNS": "250", "NO_COLOR": "1"}
    done = CliRunner().invoke(build(), arguments, env=environment)
    return f"{done.output}\n{done.exception!r}"


def _base32() -> str:
    return base64.b32encode(os.urandom(32)).decode().lower().rstrip("=")[:51] + "a"


def _put(path: Path, text: str) -> None:
    fresh = path.with_name("fresh")
    fresh.write_text(text)
    fresh.replace(path)


def _sinks(scene: Scene) -> dict[str, bytes]:
    """Everything that anybody was told, or that is kept."""
    process = psutil.Process(scene.guarded.router.popen.pid)
    found = {name: text.encode() for name, text in scene.texts.items()}
    found |= {f"answer {number}": one.everything for number, one in enumerate(scene.outcomes)}
    kept = (path for path in scene.folder.glob("a.db*/**/*") if path.is_file())
    found |= {str(path.relative_to(scene.folder)): path.read_bytes() for path in kept}
    found |= {path.name: path.read_bytes() for path in scene.folder.glob("a.db*") if path.is_file()}
    found["the command line"] = " ".join(itertools.chain(process.cmdline(), *_children(process))).encode()
    found["the log"] = scene.guarded.router.log.read_bytes()
    return found


def _children(process: psutil.Process) -> Iterable[list[str]]:
    return (one.cmdline() for one in process.children(recursive=True))


@pytest.mark.timeout(300)
def test_no_secret_is_told_to_anybody(tmp_path: Path) -> None:
    """Callers' answers with details and trailers, the log, the audit log and the store, answers and pages for
    operators, and commands; whole or in part, as they are or encoded.
    """
    with _scene(tmp_path) as scene:
        _callers(scene)
        _operators(scene)
        eventually(lambda: scene.guarded.router.log.read_text().count("was not reloaded") >= 5, "what the log says")
        canaries, sinks = scene.canaries, _sinks(scene)
        assert len(canaries.by_name) >= LEAST
        assert b" DEBUG " in sinks["the log"]
        heard = " ".join(scene.echo.heard)
        used = [name for name, secret in canaries.by_name.items() if secret in heard]
        assert {f"a refused key of {dialect}" for dialect in ALL} <= set(used), "not every key was shown upstream"
        assert {"vault secret id", "aws session_token"} <= set(used)
        assert "/400/token" in heard, "nobody has asked for a token with Google's private key"
        theirs = [one for one in used if "caller" in one or "API key" in one or "token of" in one]
        assert theirs == [], "what callers show was passed on to providers"
        # The search itself: what was planted is found, in part and encoded.
        for form in (heard.encode(), base64.b64encode(canaries.by_name["pepper"].encode())):
            assert canaries.found_in({"planted": form})
        leaks = canaries.found_in(sinks)
        told = sum(map(len, sinks.values()))
        sys.stdout.write(f"\n{len(canaries.by_name)} canaries, {len(sinks)} sinks, {told} bytes: {len(leaks)} found\n")
        assert leaks == []


def test_a_crash_leaves_no_image_of_the_memory(tmp_path: Path) -> None:
    """Not even through a pipe: Linux takes a limit of one byte for never."""
    doors = {door: {"listen": "127.0.0.1:0"} for door in ("grpc", "admin_grpc", "admin_http")}
    providers = {"ollama": {"dialect": "ollama", "base_url": "http://127.0.0.1:9"}}
    with router(tmp_path, {"server": doors, "providers": providers, "routes": {"m": _route("ollama", "m")}}) as running:
        limits = Path(f"/proc/{running.popen.pid}/limits")
        if not limits.exists():
            pytest.skip("this system has no /proc to look at")
        (line,) = (one for one in limits.read_text().splitlines() if one.startswith("Max core file size"))
        assert line.split()[4:6] in (["1", "1"], ["0", "0"]), line
