"""`hedgerow_server cost`: the offline calculator."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hedgerow_server import __main__ as command


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *line: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["hedgerow_server", "cost", *line])
    status = command.main()
    told = capsys.readouterr()
    return status, told.out, told.err


def test_classes_and_their_sum_are_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    line = ("openai/gpt-4o", "--input", "12_000", "--cache-read", "8,000", "--output", "900")
    status, out, err = run(monkeypatch, capsys, *line)
    assert status == 0
    assert [one.split() for one in out.splitlines()] == [
        ["input_uncached_tokens", "12,000", "$0.030000000000"],
        ["input_cache_read_tokens", "8,000", "$0.010000000000"],
        ["output_visible_tokens", "900", "$0.009000000000"],
        ["cost", "$0.049000000000"],
    ]
    assert "genai-prices" in err


def test_what_is_kept_longer_and_other_units_have_prices_of_their_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ("anthropic/claude-haiku-4-5", "--cache-write", "10", "--cache-write-1h", "10", "--json")
    status, out, _ = run(monkeypatch, capsys, *line, "--unit", "web_search_requests=3")
    found: dict[str, Any] = json.loads(out)
    costs = {one["name"]: one["cost_picos"] for one in found["classes"]}
    assert status == 0
    assert costs == {
        "input_cache_write_tokens": 12_500_000,
        "input_cache_write_long_tokens": 20_000_000,
        "web_search_requests": 30_000_000_000,
    }
    assert found["cost_picos"] == sum(costs.values())


def test_a_configurations_discounts_hold(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    config = {
        "server": {"grpc": {"listen": "127.0.0.1:0"}},
        "credentials": {"key": {"source": "env", "variable": "KEY"}},
        "providers": {"ours": {"dialect": "openai", "vendor": "openai", "credential": "key"}},
        "routes": {"fast": {"kind": "chat", "candidates": [{"provider": "ours", "model": "gpt-4o"}]}},
        "pricing": {"discounts": [{"provider": "ours", "percent": 50}]},
    }
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    line = ("ours/gpt-4o", "--output", "1000", "--config", str(path), "--json")
    status, out, err = run(monkeypatch, capsys, *line)
    assert (status, err) == (0, "")
    assert json.loads(out)["cost_picos"] == 5_000_000_000


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        (("gpt-4o",), 2, "expected PROVIDER/MODEL"),
        (("openai/unheard-of", "--input", "1"), 1, "does not mean that it is free"),
        (("openai/gpt-4o", "--unit", "odd=1"), 1, ""),
        (("openai/gpt-4o", "--config", "/nowhere.yaml"), 1, "/nowhere.yaml"),
    ],
)
def test_what_has_no_price_is_never_free(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: tuple[str, ...], status: int, said: str
) -> None:
    found, _, err = run(monkeypatch, capsys, *line)
    assert (found, said in err) == (status, True)


def test_the_verb_hands_over_to_it() -> None:
    line = [sys.executable, "-m", "hedgerow_client.cli.app", "cost", "openai/gpt-4o", "--output", "1", "--json"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout)["cost_picos"] == 10_000_000


@pytest.mark.parametrize("option", ["--input=-5", "--input=x", "--input=99999999999999999999", "--at=x", "--unit=3"])
def test_an_option_of_no_use_is_told_with_what_was_expected(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, capsys, "openai/gpt-4o", option)
    *_, line = capsys.readouterr().err.splitlines()
    assert (ended.value.code, f"argument {option.partition('=')[0]}: expected" in line) == (2, True)
