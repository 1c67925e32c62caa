"""The supply chain: what is installed, under which licences, and whether the same tree makes the same release."""

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from deploy.tools import environment, run
from stack import ROOT

from deploy import dockerfile

sys.path.insert(0, str(ROOT / "scripts"))

import _audit
import _licences
import _notes
import _stamped

pytestmark = pytest.mark.timeout(300)
BUILD = ROOT / "deploy" / "docker" / "build-requirements.txt"
LOCK: dict[str, Any] = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))


def test_everything_in_the_lock_comes_from_the_registry_with_a_hash() -> None:
    """But for the project itself. What is installed offline or in the image is compared with these hashes."""
    for package in LOCK["package"]:
        if package["name"] == "hedgerow":
            continue
        assert package["source"].keys() == {"registry"}, package["name"]
        files = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else ())]
        assert files, package["name"]
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one["hash"]) for one in files), package["name"]


@pytest.mark.parametrize("path", ["deploy/docker/build-requirements.txt", "scripts/gen-requirements.txt"])
def test_what_builds_is_pinned_by_hash(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert lines
    assert [line for line in lines if "==" not in line or "--hash=sha256:" not in line] == []


def test_every_dependency_has_a_licence_that_is_allowed() -> None:
    known = _licences.installed()
    assert {"aiohttp", "asyncpg", "botocore", "grpcio", "usearch"} <= known.keys(), "extras are looked at, too"
    assert not known.keys() & {"pytest", "hypothesis"}
    assert _licences.problems(known) == []


class Fake:
    """A distribution that has nothing but its metadata."""

    version = "1.0"

    def __init__(self, *fields: tuple[str, str]) -> None:
        self.metadata = Message()
        for name, value in fields:
            self.metadata[name] = value


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ([("License-Expression", "MIT AND GPL-3.0-only")], "GPL-3.0-only is not on the list"),
        ([("Classifier", "License :: OSI Approved :: MIT License"), ("License", "GPL")], ""),
        ([("Classifier", "License :: Other/Proprietary License")], "is not on the list"),
        ([("License", "Beerware")], "Beerware is not on the list"),
        ([], "names no licence"),
        ([("License-Expression", "(Apache-2.0 OR BSD-3-Clause) AND MIT")], ""),
    ],
)
def test_a_licence_that_is_not_allowed_or_not_told_is_found(fields: list[tuple[str, str]], told: str) -> None:
    found = _licences.problems({"one": Fake(*fields)})  # type: ignore[dict-item]
    assert (told in found[0]) if told else found == []


def wheel(folder: Path, modified_s: int) -> Path:
    """The wheel of a copy of the tree, whose files were all changed at that time."""
    source = folder / "src"
    source.mkdir(parents=True)
    dockerfile.copy(source, "build")
    for path in source.rglob("*"):
        os.utime(path, (modified_s, modified_s))
    programs = environment(BUILD, "image-build")
    given = {**os.environ, **dockerfile.values("ARG", "build")}
    run(str(programs / "hatchling"), "build", "-t", "wheel", "-d", str(folder / "dist"), cwd=source, env=given)
    (made,) = (folder / "dist").glob("*.whl")
    return made


def test_the_same_tree_makes_the_same_wheel_whenever_and_wherever(tmp_path: Path) -> None:
    first, second = (wheel(tmp_path / name, at) for name, at in (("a", 1_000_000_000), ("b/c", 1_700_000_000)))
    digests = {hashlib.sha256(one.read_bytes()).hexdigest() for one in (first, second)}
    assert len(digests) == 1
    names = zipfile.ZipFile(first).namelist()
    # A .pth runs code in every Python of the environment.
    assert [name for name in names if name.endswith((".pth", ".pyc")) or "__pycache__" in name] == []
    tops = {name.split("/")[0] for name in names}
    assert tops == {"buf", "hedgerow", "hedgerow_client", "hedgerow_server", "hedgerow_sim", "hedgerow-0.1.0.dist-info"}
    assert "hedgerow_server/catalogue/data/openai.yaml" in names
    assert {f"hedgerow_server/{one}" for one in _data("hedgerow_server")} <= {*names}


def test_a_bill_of_materials_is_the_same_whenever_it_is_made() -> None:
    def made(serial: str, time: str) -> bytes:
        told = {"serialNumber": serial, "metadata": {"timestamp": time}, "components": [{"name": "grpcio"}]}
        return _stamped.bill(json.dumps(told).encode(), 1_700_000_000)

    first, second = made("urn:uuid:1", "2026-01-01T00:00:00Z"), made("urn:uuid:2", "2026-02-02T00:00:00Z")
    assert first == second
    assert json.loads(first)["metadata"]["timestamp"] == "2023-11-14T22:13:20Z"


def test_a_chart_is_the_same_whenever_and_by_whomever_it_is_packed(tmp_path: Path) -> None:
    def packed(name: str, names: list[str], user: str) -> bytes:
        with tarfile.open(tmp_path / name, "w:gz") as made:
            for at, one in enumerate(names):
                entry = tarfile.TarInfo(f"hedgerow/{one}")
                entry.size, entry.mtime, entry.uname = len(one), at, user
                made.addfile(entry, io.BytesIO(one.encode()))
        return _stamped.chart((tmp_path / name).read_bytes(), 1_700_000_000)

    first = packed("a.tgz", ["values.yaml", "Chart.yaml"], "me")
    assert first == packed("b.tgz", ["Chart.yaml", "values.yaml"], "you")
    with tarfile.open(fileobj=io.BytesIO(first)) as found:
        assert found.getnames() == ["hedgerow/Chart.yaml", "hedgerow/values.yaml"]


def _data(package: str) -> set[str]:
    """What a package has beside its modules, such as pages and tables."""
    root = ROOT / "services" / package
    kept = [path for path in root.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")]
    return {str(path.relative_to(root)) for path in kept}


def test_the_lock_is_installed_without_a_network(tmp_path: Path) -> None:
    """From a cache, as a machine without one is given it."""
    uv = shutil.which("uv") or str(
        environment(ROOT / "deploy" / "docker" / "build-requirements.txt", "image-build") / "uv"
    )
    given = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(tmp_path / "venv"), "UV_PYTHON": sys.executable}
    command = [uv, "sync", "--frozen", "--no-dev", "--no-install-project", "--quiet"]
    # Nothing is fetched where the machine's own environment was made from this cache.
    run(*command, cwd=ROOT, env=given)
    shutil.rmtree(tmp_path / "venv")
    away = {name: value for name, value in given.items() if "proxy" not in name.lower()}
    run(*command, "--offline", cwd=ROOT, env={**away, "UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple"})
    run(str(tmp_path / "venv" / "bin" / "python"), "-c", "import aiohttp, grpc, msgspec, pydantic")


def test_notes_of_a_release_are_its_part_of_the_changelog() -> None:
    new, old = "## [Unreleased]\n\n- new\n\n", "## [0.2.0] - 2026-01-01\n\n### Added\n\n- old\n\n"
    text = f"# Changelog\n\n{new}{old}## [0.1.0]\n\n- first\n"
    assert _notes.notes(text, "0.2.0") == "# Hedgerow 0.2.0\n\n### Added\n\n- old\n"
    assert _notes.notes(text, "0.3.0") == "# Hedgerow 0.3.0\n\n- new\n"
    with pytest.raises(ValueError, match=r"says nothing of 0\.4\.0"):
        _notes.notes("# Changelog\n", "0.4.0")


def test_a_release_is_made_in_a_folder_and_nothing_is_tagged_or_pushed(tmp_path: Path) -> None:
    if not shutil.which("go"):
        pytest.skip("install Go 1.24 or newer, which builds Helm")
    refs = run("git", "for-each-ref", cwd=ROOT)
    out = tmp_path / "release"
    told = run("scripts/release", "--without-java", "--without-audit", str(out), cwd=ROOT)
    assert {one.name for one in out.iterdir()} == {
        "SHA256SUMS",
        "hedgerow-0.1.0-py3-none-any.whl",
        "hedgerow-0.1.0.cdx.json",
        "hedgerow-0.1.0.tar.gz",
        "hedgerow-chart-0.1.0.tgz",
        "hedgerow_client-0.1.0-py3-none-any.whl",
        "licences.txt",
        "notes.md",
    }
    run("sha256sum", "--check", "--strict", "SHA256SUMS", cwd=out)
    assert "gen/go/v0.1.0" in told, "a Go module below the root has its folder in the tag"
    assert "Left out: the jars (Maven)" in told
    assert "Left out: known weaknesses (--without-audit)" in told
    assert refs == run("git", "for-each-ref", cwd=ROOT)
    bill = json.loads((out / "hedgerow-0.1.0.cdx.json").read_text())
    named = {one["name"]: one["version"] for one in bill["components"]}
    installed = {name: one.version for name, one in _licences.installed().items() if name != "hedgerow"}
    assert bill["bomFormat"] == "CycloneDX"
    assert installed.keys() <= named.keys()
    assert all(one["purl"].startswith("pkg:pypi/") for one in bill["components"] if "purl" in one)


WEAK = {"name": "old", "version": "1.0", "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["1.1"]}]}
FINE = {"name": "new", "version": "2.0", "vulns": []}
UNSEEN = {"name": "odd", "skip_reason": "Dependency not found on PyPI and could not be audited: odd (1)"}


@pytest.mark.parametrize(
    ("services", "status", "told"),
    [
        ({"pypi": [FINE]}, 0, "no known weakness in 1 packages"),
        ({"pypi": [FINE, WEAK]}, 1, "old 1.0: PYSEC-1, fixed in 1.1"),
        # A service that does not know a package is no reason to take it for fine.
        ({"pypi": [FINE, UNSEEN], "osv": [FINE, FINE]}, 0, "no known weakness in 2 packages"),
        ({"pypi": [FINE, UNSEEN], "osv": [FINE, WEAK]}, 1, "old 1.0"),
        ({"pypi": [FINE, UNSEEN]}, 3, "no advisory service answers for all packages"),
        ({}, 3, "pypi: it is away"),
    ],
)
def test_weaknesses_are_told_apart_from_not_knowing(
    services: dict[str, Any], status: int, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = {service: json.dumps({"dependencies": found}) for service, found in services.items()}
    program = tmp_path / "pip-audit"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nfound = {answers!r}.get(sys.argv[2])\n"
        "print(found) if found else print('it is away', file=sys.stderr)\nsys.exit(not found)\n"
    )
    program.chmod(0o755)
    assert _audit.main([str(program), "requirements.txt"]) == status
    assert told in "".join(capsys.readouterr())


def test_a_weakness_that_is_accepted_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_audit, "ACCEPTED", {"CVE-1": "its function is not called"})
    assert _audit.told([FINE, WEAK]) == (0, ["no known weakness in 2 packages"])


def test_a_release_is_not_made_over_another(tmp_path: Path) -> None:
    (tmp_path / "old.whl").touch()
    done = subprocess.run(["scripts/release", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "is not empty" in done.stderr
