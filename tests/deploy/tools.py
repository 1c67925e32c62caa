"""What checks deployments: Helm, Kubernetes' schemas and hadolint, built or fetched once into the cache folder."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from cached import cache as cache_folder
from stack import ROOT

OPERATOR = ("github.com/prometheus-operator/prometheus-operator", "v0.85.0")
COMPOSE_SPEC = ("github.com/compose-spec/compose-go/v2", "v2.16.2")
GO = "Go is not here: install Go 1.24 or newer, which builds Helm and fetches the schemas"
_REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def run(*command: str, **more: Any) -> str:
    """The output of a command. Raises RuntimeError with what it said where it failed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return str(done.stdout)


@contextmanager
def _building(folder: Path) -> Iterator[bool]:
    """Whether the folder is still to be built. Two runs at once do not build over each other."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    built = folder / ".built"
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = not built.exists()
        if missing:
            shutil.rmtree(folder, ignore_errors=True)
        yield missing
        built.touch()


def environment(requirements: Path, name: str) -> Path:
    """The programs of a Python environment that is made of pinned requirements with hashes."""
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    folder = cache_folder() / f"{name}-{sys.version_info.major}.{sys.version_info.minor}-{digest}"
    with _building(folder) as missing:
        if missing:
            uv = shutil.which("uv")
            python = str(folder / "bin" / "python")
            if uv:
                run(uv, "venv", "--quiet", "--seed", "--python", sys.executable, str(folder))
                run(uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", str(requirements))
            else:
                run(sys.executable, "-m", "venv", str(folder))
                run(python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(requirements))
    return folder / "bin"


def checker(name: str) -> str:
    """A program of tests/deploy/requirements.txt."""
    return str(environment(_REQUIREMENTS, "deploy") / name)


@cache
def helm() -> str:
    """Helm, built once: two minutes on two cores. Skips where there is no Go."""
    if not shutil.which("go"):
        pytest.skip(GO)
    cache_folder().mkdir(parents=True, exist_ok=True)
    script = 'source scripts/_env.sh && go_tool helm helm.sh/helm/v3/cmd/helm "$HELM_VERSION"'
    with (cache_folder() / "go-helm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return f"{run('bash', '-c', script, cwd=ROOT).strip()}/helm"


def module(source: tuple[str, str]) -> Path:
    """The folder of a Go module, whose sums Go has verified. Skips where there is no Go."""
    if not shutil.which("go"):
        pytest.skip(GO)
    found = run("go", "mod", "download", "-json", "@".join(source), env={**os.environ, "GOFLAGS": "-mod=mod"})
    return Path(json.loads(found)["Dir"])


class HelmError(Exception):
    """Why Helm does not render a chart."""


KUBE = "1.34.0"
"""What the chart is rendered for: without a cluster, Helm takes it for a very old one."""
CHART = ROOT / "deploy" / "helm" / "hedgerow"


def render(values: Mapping[str, object], folder: Path) -> list[dict[str, Any]]:
    """The manifests that the chart makes of these values, in the namespace `llm`. Raises HelmError."""
    path = folder / "values.yaml"
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    command = [helm(), "template", "hedgerow", str(CHART), "--namespace", "llm", "--kube-version", KUBE]
    command += ["--values", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise HelmError(re.sub(r"^.*symbolic link.*\n", "", done.stderr, flags=re.MULTILINE))
    # In C where it is there: the dashboards of all combinations are a lot of text.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [one for one in yaml.load_all(done.stdout, loader) if one is not None]


def of_kind(manifests: list[dict[str, Any]], kind: str, ending: str = "") -> dict[str, Any]:
    """The only manifest of a kind, or the one whose name ends so."""
    (found,) = [one for one in manifests if one["kind"] == kind and one["metadata"]["name"].endswith(ending)]
    return found


CUSTOM = {
    "ServiceMonitor": "monitoring.coreos.com_servicemonitors.yaml",
    "PrometheusRule": "monitoring.coreos.com_prometheusrules.yaml",
}
"""Kinds that are not Kubernetes' own: where the operator's module has their schemas."""


def custom_schema(kind: str) -> dict[str, Any]:
    """The schema of a kind of the Prometheus operator, which takes no field that it does not know."""
    path = module(OPERATOR) / "example" / "prometheus-operator-crd" / CUSTOM[kind]
    definition = yaml.safe_load(path.read_text(encoding="utf-8"))
    found: dict[str, Any] = _closed(definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
    found["properties"]["metadata"] = {"type": "object"}
    return found


def _closed(schema: Any) -> Any:
    """A schema whose objects have no other properties than those that it names, as Kubernetes prunes them."""
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: _closed(value) for key, value in schema.items()}
    names = schema.get("properties")
    if isinstance(names, dict) and schema.get("type") == "object" and "additionalProperties" not in schema:
        inner["additionalProperties"] = False
    if schema.get("x-kubernetes-int-or-string"):
        inner.pop("type", None)
    return inner
