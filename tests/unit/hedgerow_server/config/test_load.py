"""Every fault of a configuration gets one line: FILE:LINE: path: what was expected."""

import time
from pathlib import Path

import pytest
from hedgerow_server.config.load import ConfigError, load
from hedgerow_server.settings import Settings, references

ROOT = Path(__file__).resolve().parents[4]
GOOD = """\
providers:
  sim:
    dialect: openai
routes:
  fast:
    kind: chat
    candidates:
      - provider: sim
        model: gpt
"""
LINES = GOOD.count("\n")


def read(tmp_path: Path, text: str | bytes) -> Settings:
    """The settings in a file with this text, named config.yaml."""
    path = tmp_path / "config.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(path, Settings, references)


def faults(tmp_path: Path, text: str | bytes) -> list[str]:
    """The lines that are printed for a file with this text, without the folder."""
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    lines = str(caught.value).splitlines()
    assert len(lines) == len(caught.value.faults)
    assert all(line.startswith(f"{tmp_path}/config.yaml:") for line in lines)
    return [line.removeprefix(f"{tmp_path}/") for line in lines]


@pytest.mark.parametrize(
    ("name", "added", "line", "expected"),
    [
        ("an unknown section", "sevrer: {}\n", 1, "sevrer: unknown key"),
        ("an unknown key", "server:\n  grpc:\n    lisen: 127.0.0.1:1\n", 3, "server.grpc.lisen: unknown key"),
        (
            "a wrong type",
            "server:\n  drain_seconds: soon\n",
            2,
            "server.drain_seconds: the value should be a valid number, unable to parse string as a number",
        ),
        (
            "a mapping for a flag",
            "telemetry:\n  call_log: {}\n",
            2,
            "telemetry.call_log: the value should be a valid boolean",
        ),
        ("a list for a section", "server: [1]\n", 1, "server: expected a mapping"),
        ("a section with nothing in it", "server:\n", 1, "server: expected a mapping, but there is nothing"),
        (
            "a missing key",
            "identity:\n  jwt:\n    issuers: [{issuer: https://login.example.com}]\n",
            3,
            "identity.jwt.issuers[0].audiences: required key is missing",
        ),
        (
            "a bad tag of a union",
            "credentials:\n  main:\n    source: nowhere\n",
            2,
            "credentials.main: 'source' should be one of 'aws', 'azure', 'env', 'file', 'google', 'vault'",
        ),
        (
            "no tag of a union",
            "credentials:\n  main: {path: x}\n",
            2,
            "credentials.main: required key 'source' is missing",
        ),
        (
            "a missing key within a union",
            "credentials:\n  main:\n    source: env\n",
            2,
            "credentials.main.variable: required key is missing",
        ),
        (
            "a value below its range",
            "server:\n  drain_seconds: 0\n",
            2,
            "server.drain_seconds: the value should be greater than 0, not 0",
        ),
        (
            "a value above its range",
            "server:\n  grpc:\n    max_request_bytes: 999999999\n",
            3,
            "server.grpc.max_request_bytes: the value should be less than or equal to 268435456, not 999999999",
        ),
        (
            "a number that is none",
            "server: {drain_seconds: .nan}\n",
            1,
            "server.drain_seconds: the value should be less than or equal to 86400, not nan",
        ),
        (
            "values that contradict each other",
            "deadline:\n  default_seconds: 20\n  max_seconds: 10\n",
            1,
            "deadline: default_seconds must not be above max_seconds",
        ),
        (
            "an address without port",
            "server: {grpc: {listen: localhost}}\n",
            1,
            "server.grpc.listen: expected HOST:PORT, such as 127.0.0.1:50051 (port 0 takes a free one)",
        ),
        (
            "a port that is none",
            "server: {grpc: {listen: 'localhost:65536'}}\n",
            1,
            "server.grpc.listen: expected HOST:PORT, such as 127.0.0.1:50051 (port 0 takes a free one)",
        ),
        (
            "a choice that is none",
            "telemetry: {log_level: loud}\n",
            1,
            "telemetry.log_level: the value should be 'debug', 'info', 'warning' or 'error'",
        ),
        (
            "a name that is none",
            "credentials:\n  My Key: {source: env, variable: X}\n",
            2,
            "credentials.My Key: the key should match pattern '^[a-z0-9][a-z0-9_.-]{0,62}$'",
        ),
        (
            "a key that stands twice",
            "server:\n  drain_seconds: 1\n  drain_seconds: 2\n",
            3,
            "server.drain_seconds: this key stands twice",
        ),
        (
            "a number of thousands of digits",
            f"server: {{drain_seconds: 0x{'f' * 5000}}}\n",
            1,
            "server.drain_seconds: the value should be a valid number",
        ),
        ("a key with a line break", '"a\\nb": 1\n', 1, "a?b: unknown key"),
    ],
)
def test_a_fault_gets_one_line(tmp_path: Path, name: str, added: str, line: int, expected: str) -> None:
    assert faults(tmp_path, GOOD + added) == [f"config.yaml:{LINES + line}: {expected}"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "dialect: openai",
            "dialect: openai\n    credential: main",
            "4: providers.sim.credential: expected an entry of credentials (there is none)",
        ),
        (
            "dialect: openai",
            "dialect: openai\n    credential: [{name: main, weight: 3}]",
            "4: providers.sim.credential[0].name: expected an entry of credentials (there is none)",
        ),
        (
            "dialect: openai",
            "dialect: openai\n    credential: [{name: main, weight: 17}]",
            "4: providers.sim.credential[0].weight: the value should be less than or equal to 16, not 17",
        ),
        (
            "dialect: openai",
            "dialect: openai\n    credential: [{name: main}, {name: main, weight: 2}]",
            "4: providers.sim.credential: a key stands twice",
        ),
        (
            "dialect: openai",
            "dialect: openai\n    credential: []",
            "4: providers.sim.credential: expected 1 or more entries, not 0",
        ),
        (
            "dialect: openai",
            "dialect: openai\n    credential: 7",
            "4: providers.sim.credential: the value should be a valid string, not 7",
        ),
        (
            "model: gpt",
            "model: gpt\n        credential: [{name: main}]",
            "10: routes.fast.candidates[0].credential[0].name: expected an entry of credentials (there is none)",
        ),
        (
            "provider: sim",
            "provider: sym",
            "8: routes.fast.candidates[0].provider: expected an entry of providers (sim)",
        ),
        ("kind: chat", "kind: chatt", "6: routes.fast.kind: the value should be 'chat', 'embed' or 'any'"),
        ("model: gpt", "model: ''", "9: routes.fast.candidates[0].model: the text should have at least 1 character"),
        (
            "  fast:",
            "  -fast:",
            "5: routes.-fast: the key should match pattern '^[A-Za-z0-9][A-Za-z0-9_./:@-]{0,253}(/\\*)?$'",
        ),
        (
            "      - provider: sim\n        model: gpt\n",
            "      [" + ", ".join(["{provider: sim, model: a}"] * 33) + "]\n",
            "7: routes.fast.candidates: expected at most 32 entries, not 33",
        ),
        (
            "    candidates:\n      - provider: sim\n        model: gpt\n",
            "    candidates: []\n",
            "7: routes.fast.candidates: expected 1 or more entries, not 0",
        ),
        (
            "    candidates:\n      - provider: sim\n        model: gpt\n",
            "    candidates: sim\n",
            "7: routes.fast.candidates: expected a list",
        ),
        (
            "dialect: openai",
            "dialect: openai\n    base_url: ftp://x",
            "4: providers.sim.base_url: expected an http or https URL without query and without a user",
        ),
        ("  sim:\n    dialect: openai\n", "  sim: {}\n", "2: providers.sim: required key 'dialect' is missing"),
    ],
)
def test_a_fault_of_a_provider_or_route_gets_one_line(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert faults(tmp_path, GOOD.replace(old, new)) == [f"config.yaml:{expected}"]


NARROWED = GOOD.replace("model: gpt", "model: gpt\n        region: eu")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("    regions: [eu, us]\n", "11: routes.fast.regions[1]: expected the region of a candidate (eu)"),
        (
            "    rules: [{when: 'true', regions: [EU]}]\n",
            "11: routes.fast.rules[0].regions[0]: expected the region of a candidate (eu)",
        ),
        (
            "    rules:\n      - {when: 'true'}\n      - {when: 'true', providers: [sim, sym]}\n",
            "13: routes.fast.rules[1].providers[1]: expected an entry of providers (sim)",
        ),
    ],
)
def test_what_narrows_a_route_to_nobody_gets_one_line(tmp_path: Path, line: str, expected: str) -> None:
    assert faults(tmp_path, NARROWED + line) == [f"config.yaml:{expected}"]


def test_regions_of_a_route_without_any_are_a_fault(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, GOOD + "    regions: [eu]\n")
    assert fault == "config.yaml:10: routes.fast.regions[0]: expected the region of a candidate (none has one)"


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("{when: 'tenent == 1'}", "unknown variable 'tenent'"),
        ("{when: 'labels.a == \"b\"', regions: [eu]}", "a rule with regions must not depend on labels"),
    ],
)
def test_a_fault_of_a_rule_names_its_line(tmp_path: Path, rule: str, words: str) -> None:
    (fault,) = faults(tmp_path, NARROWED + f"    rules:\n      - {rule}\n")
    assert fault.startswith("config.yaml:12: routes.fast.rules[0]")
    assert words in fault


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [1,\n", "2: not YAML: expected the node content, but found '<stream end>'"),
        (GOOD + "x:\n\t- y\n", "11: not YAML: found character '\\t' that cannot start any token"),
        (GOOD + "x: *nothing\n", "10: not YAML: found undefined alias 'nothing'"),
        (GOOD + "x: !python/object:os.system {}\n", "10: unknown key"),
        (
            GOOD + "x: !python/name:os.system y\n",
            "10: not YAML: could not determine a constructor for the tag '!python/name:os.system'",
        ),
        (GOOD + "---\nx: 1\n", "10: not YAML: expected a single document in the stream, but found another document"),
        (GOOD + "x: 2001-99-99\n", "10: not YAML: a value that is no timestamp"),
        (GOOD + "x: !!int abc\n", "10: not YAML: a value that is no int"),
        (GOOD + "x: !!bool 7\n", "10: not YAML: a value that is no bool"),
        (GOOD + f"x: {'1' * 5000}\n", "10: not YAML: a value that is no int"),
        (GOOD + "? [a, b]\n: c\n", "10: not YAML: a key that is not plain text"),
        (GOOD + "a: &a {x: 1}\nb: {<<: *a}\n", "11: not YAML: merge keys (<<) are not taken"),
        (GOOD + "x: \0\n", "10: not YAML: special characters are not allowed"),
        (GOOD.encode() + b"x: \xff\n", "10: cannot be read: not UTF-8 text"),
        ("- a\n", "1: expected a mapping"),
        ("text\n", "1: expected a mapping"),
        ("7\n", "1: expected a mapping, not 7"),
    ],
)
def test_what_is_no_configuration_at_all_gets_one_line(tmp_path: Path, text: str | bytes, expected: str) -> None:
    line, _, words = expected.partition(": ")
    (found,) = faults(tmp_path, text)
    assert found in (f"config.yaml:{expected}", f"config.yaml:{line}: x: {words}")


@pytest.mark.parametrize("text", ["", "# nothing but this\n", "---\n", "{}\n"])
def test_an_empty_file_misses_what_is_required(tmp_path: Path, text: str) -> None:
    assert faults(tmp_path, text) == [
        "config.yaml:1: providers: required key is missing",
        "config.yaml:1: routes: required key is missing",
    ]


def test_a_file_that_is_not_there_gets_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "none.yaml", Settings, references)
    assert str(caught.value) == f"{tmp_path}/none.yaml:1: cannot be read: No such file or directory"


def test_a_folder_gets_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, Settings, references)
    assert str(caught.value) == f"{tmp_path}:1: cannot be read: Is a directory"


def test_several_faults_come_at_once_by_line(tmp_path: Path) -> None:
    text = "telemetry:\n  level: x\nserver:\n  drain_seconds: -1\n  drain: 1\n" + GOOD.replace("kind: chat", "kind: x")
    assert faults(tmp_path, text) == [
        "config.yaml:2: telemetry.level: unknown key",
        "config.yaml:4: server.drain_seconds: the value should be greater than 0, not -1",
        "config.yaml:5: server.drain: unknown key",
        "config.yaml:11: routes.fast.kind: the value should be 'chat', 'embed' or 'any'",
    ]


def test_lines_are_sorted_as_numbers(tmp_path: Path) -> None:
    text = GOOD + "b: 1\na: 1\n" + "server:\n  x: 1\n"
    assert [fault.split(":")[1] for fault in faults(tmp_path, text)] == ["10", "11", "13"]


def test_a_doubled_key_is_found_beside_other_faults(tmp_path: Path) -> None:
    assert faults(tmp_path, GOOD + "server: {}\nserver: {x: 1}\n") == [
        "config.yaml:11: server: this key stands twice",
        "config.yaml:11: server.x: unknown key",
    ]


def test_a_name_may_look_like_another_type(tmp_path: Path) -> None:
    route = "{kind: chat, candidates: [{provider: sim, model: m}]}"
    settings = read(tmp_path, GOOD + f"  7: {route}\n  no: {route}\n  1.5: {route}\n")
    assert set(settings.routes) == {"fast", "7", "no", "1.5"}


def test_anchors_and_aliases_are_taken(tmp_path: Path) -> None:
    text = GOOD.replace("  fast:", "  fast: &fast") + "  same: *fast\n"
    settings = read(tmp_path, text)
    assert settings.routes["same"] == settings.routes["fast"]


def test_a_fault_within_an_alias_names_the_line_of_its_anchor(tmp_path: Path) -> None:
    text = GOOD.replace("  fast:", "  fast: &fast").replace("kind: chat", "kind: x") + "  same: *fast\n"
    assert faults(tmp_path, text) == [
        f"config.yaml:6: routes.{name}.kind: the value should be 'chat', 'embed' or 'any'" for name in ("fast", "same")
    ]


def test_aliases_that_stand_for_billions_of_values_are_refused_at_once(tmp_path: Path) -> None:
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 20)]
    started = time.monotonic()
    (fault,) = faults(tmp_path, "a0: &a0 [x, x]\n" + "".join(levels))
    assert fault.endswith("not YAML: aliases repeat more than 100000 values")
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("text", ["a: &a [*a]\n", "a: &a {b: *a}\n", "[" * 1000, "a: " + "{b: " * 1000])
def test_endless_and_very_deep_nesting_is_refused(tmp_path: Path, text: str) -> None:
    assert faults(tmp_path, text) == ["config.yaml:1: values are nested too deeply, or within themselves"]


CANARY = "sk-canary-0123456789"


@pytest.mark.parametrize(
    "added",
    [
        f"credentials: {{main: {CANARY}}}\n",
        f"credentials: {CANARY}\n",
        f"credentials: [{CANARY}]\n",
        f"credentials: {{main: {{source: {CANARY}}}}}\n",
        f"credentials: {{main: {{source: env, variable: {CANARY}}}}}\n",
        f"credentials: {{main: {{source: env, value: {CANARY}}}}}\n",
        f"credentials: {{main: {{source: file, path: [{CANARY}]}}}}\n",
        f"api_key: {CANARY}\n",
        f"server: {CANARY}\n",
        f"server: {{grpc: {{listen: {CANARY}}}}}\n",
        f"telemetry: {{log_level: {CANARY}, call_log: {CANARY}}}\n",
        f"deadline: {{max_seconds: {CANARY}}}\n",
        f"identity: {{tenant: {CANARY * 10}}}\n",
        f"x: !!int {CANARY}\n",
        f"x: !!timestamp {CANARY}\n",
    ],
)
def test_a_secret_in_the_wrong_place_is_not_shown(tmp_path: Path, added: str) -> None:
    for fault in faults(tmp_path, GOOD + added):
        assert CANARY not in fault


@pytest.mark.parametrize("key", ["credential", "api_key", "base_url", "organization", "dialect", "transport"])
def test_a_secret_in_the_wrong_place_of_a_provider_is_not_shown(tmp_path: Path, key: str) -> None:
    value = f"'{CANARY} {CANARY}'" if key == "organization" else CANARY
    text = GOOD.replace("dialect: openai", f"dialect: openai\n    {key}: {value}")
    for fault in faults(tmp_path, text):
        assert CANARY not in fault


@pytest.mark.parametrize("name", ["config.example.yaml", "deploy/demo.yaml", "deploy/demo-vault.yaml"])
def test_the_configurations_that_come_with_the_router_load(name: str) -> None:
    assert load(ROOT / name, Settings, references).routes


def test_settings_do_not_change(tmp_path: Path) -> None:
    settings = read(tmp_path, GOOD)
    with pytest.raises(ValueError, match="frozen"):
        settings.server.drain_seconds = 1.0  # type: ignore[misc]
