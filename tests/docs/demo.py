"""What scripts/serve starts, on free ports: the gateway that the pages are about."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from stack import ROOT, process

PORTS = {"grpc": 50051, "admin_grpc": 50052, "admin_http": 50053, "http": 8080}
SIMULATOR_PORT = 50080
# Folders that the pages speak of; their secrets are made up.
FOLDERS = ("/run/secrets", "/var/lib/hedgerow", "/backup")
# Not scripts/ and what belongs to it: a verb would set the environment up for a tree that is gone a minute later.
LINKED = (".venv", "config.example.yaml", "deploy", "docs", "gen", "protos", "tests")
# What pages about API keys take for granted.
WITH_KEYS: dict[str, Any] = {
    "credentials": {"pepper": {"source": "env", "variable": "HEDGEROW_DOCS_PEPPER"}},
    "identity": {"api_keys": {"pepper": "pepper"}, "roles": {"app": {"models": ["fast", "embed-small"]}}},
}


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demonstration."""

    folder: Path
    """Where all of it is."""
    addresses: dict[str, str]
    """What the pages call an address, and where it is."""

    def root(self, page: str) -> Path:
        """A folder like the root of the tree, for the commands of one page, which may leave files in it."""
        root = self.folder / page.replace("/", "-")
        root.mkdir()
        for name in LINKED:
            (root / name).symlink_to(ROOT / name)
        shutil.copy(self.folder / "config.yaml", root)
        return root

    def placed(self, text: str) -> str:
        """A text of a page with the addresses and folders of this demonstration."""
        for folder in FOLDERS:
            text = re.sub(rf"(?<![\w/.-]){folder}(?=/)", f"{self.folder}{folder}", text)
        for address, real in self.addresses.items():
            text = text.replace(address, real).replace(address.replace("127.0.0.1", "localhost"), real)
        return text

    def environment(self) -> dict[str, str]:
        """For commands: the programs of .venv and the pinned grpcurl, and where the gateway is."""
        path = [str(ROOT / ".venv" / "bin"), *([grpcurl_folder()] if grpcurl_folder() else []), os.environ["PATH"]]
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST")},
            "PATH": ":".join(path),
            "HEDGEROW_TARGET": self.addresses[f"127.0.0.1:{PORTS['grpc']}"],
            "HEDGEROW_ADMIN": self.addresses[f"127.0.0.1:{PORTS['admin_grpc']}"],
            "OPENAI_API_KEY": "sk-not-looked-at",
            "COLUMNS": "200",
            "NO_COLOR": "1",
        }


@cache
def grpcurl_folder() -> str:
    """Where the pinned grpcurl is, built once into the cache; empty where there is no Go to build it."""
    if shutil.which("go") is None:
        return ""
    script = 'source scripts/_env.sh && go_tool grpcurl github.com/fullstorydev/grpcurl/cmd/grpcurl "$GRPCURL_VERSION"'
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True, timeout=400)
    return done.stdout.strip()


def configuration(simulator: str, folder: Path) -> dict[str, Any]:
    """The one of scripts/serve, with other addresses."""
    config: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "demo.yaml").read_text(encoding="utf-8"))
    config["providers"]["simulator"]["base_url"] = f"http://{simulator}/v1"
    server = config.setdefault("server", {})
    for door in PORTS:
        server[door] = {**(server.get(door) or {}), "listen": "127.0.0.1:0"}
    config["store"]["path"] = str(folder / "var/lib/hedgerow/hedgerow.db")
    return config


@contextmanager
def demo(folder: Path, **sections: Any) -> Iterator[Demo]:
    """Starts both servers; `sections` are added to the configuration."""
    for name in FOLDERS:
        (folder / name[1:]).mkdir(parents=True)
    (folder / "run/secrets/hedgerow-operator").write_text("0" * 64)
    with ExitStack() as exits:
        sim = exits.enter_context(process(folder, "simulator", ["-m", "hedgerow_sim", "--listen", "127.0.0.1:0"], {}))
        config = folder / "config.yaml"
        config.write_text(yaml.safe_dump(configuration(sim.addresses["http"], folder) | sections, sort_keys=False))
        given = {"HEDGEROW_DOCS_PEPPER": "0" * 64}
        router = exits.enter_context(process(folder, "router", ["-m", "hedgerow_server", "serve", str(config)], given))
        addresses = {f"127.0.0.1:{port}": router.addresses[door] for door, port in PORTS.items()}
        addresses[f"127.0.0.1:{SIMULATOR_PORT}"] = sim.addresses["http"]
        yield Demo(folder, addresses)
