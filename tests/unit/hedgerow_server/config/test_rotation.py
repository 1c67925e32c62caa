"""What a configuration may say of rotation."""

from typing import Any

import pytest
from hedgerow_server.settings import Settings, probe_target, references

ROTATION: dict[str, Any] = {
    "max_age_seconds": 86_400,
    "webhook": {"url": "https://keys.example.com/", "secret": "signs"},
}
KEY: dict[str, Any] = {"source": "file", "path": "/run/secrets/openai"}


def settings(key: dict[str, Any] | None = None, **rotation: Any) -> Settings:
    """One credential under a policy, with which three providers are called."""
    return Settings.model_validate(
        {
            "vault": {"address": "https://vault", "login": {"method": "jwt", "role": "r", "token_file": "/t"}},
            "credentials": {
                "key": {**(key or KEY), "rotation": {**ROTATION, **rotation}},
                "signs": {"source": "env", "variable": "SIGNS"},
                "elsewhere": {"source": "vault", "path": "signs", "field": "key"},
            },
            "providers": {
                "vertex": {"dialect": "vertex", "project": "p", "location": "us-central1", "credential": "key"},
                "openai": {"dialect": "openai", "credential": [{"name": "signs"}, {"name": "key"}]},
                "claude": {"dialect": "anthropic"},
                "ollama": {"dialect": "ollama"},
            },
            "routes": {
                "a": {"kind": "chat", "candidates": [{"provider": "claude", "model": "m", "credential": "key"}]},
            },
        }
    )


def faults(given: Settings) -> list[tuple[str, str]]:
    """Where something is wrong, and what was expected."""
    return [(".".join(map(str, at)), expected) for at, expected in references(given)]


def test_a_policy_that_names_what_is_there_is_fine() -> None:
    assert faults(settings()) == []


def test_the_provider_that_is_asked_is_the_first_that_can_be_at_no_cost() -> None:
    """Among those of providers and those of routes' candidates; Vertex AI has no such request."""
    assert probe_target(settings(), "key") == "claude"
    assert probe_target(settings(probe_provider="openai"), "key") == "openai"
    assert probe_target(settings(probe=False), "key") == ""
    assert probe_target(settings(), "signs") == ""


@pytest.mark.parametrize("target", ["vertex", "ollama"])
def test_a_provider_that_cannot_be_asked_at_no_cost_is_told_of(target: str) -> None:
    ((at, expected),) = faults(settings(probe_provider=target))
    assert at == "credentials.key.rotation.probe_provider"
    assert expected.startswith("expected false, or a provider whose keys can be probed at no cost")


def test_a_credential_of_no_provider_that_can_be_asked_is_told_of() -> None:
    given = settings()
    only = given.model_copy(update={"providers": {"vertex": given.providers["vertex"]}, "routes": {}})
    assert [at for at, _ in faults(only)] == ["credentials.key.rotation.probe"]


def test_a_provider_that_is_not_there_is_told_of() -> None:
    assert [at for at, _ in faults(settings(probe_provider="nobody"))] == ["credentials.key.rotation.probe_provider"]


@pytest.mark.parametrize("secret", ["nobody", "key", "elsewhere"])
def test_what_signs_is_another_credential_that_is_beside_the_gateway(secret: str) -> None:
    given = settings(webhook={"url": "https://keys.example.com/", "secret": secret})
    assert faults(given) == [
        ("credentials.key.rotation.webhook.secret", "expected another entry of credentials, from env or file")
    ]


@pytest.mark.parametrize(
    "key",
    [
        {"source": "env", "variable": "OPENAI"},
        {"source": "google"},
        {"source": "vault", "engine": "dynamic", "mount": "openai", "path": "creds/x", "field": "key"},
    ],
)
def test_a_source_whose_keys_nobody_can_be_asked_for_takes_no_such_policy(key: dict[str, Any]) -> None:
    """An environment variable cannot change; Google's tokens end by themselves; an engine gives keys without asking."""
    with pytest.raises(ValueError):
        settings(key)


def test_an_engine_is_rotated_without_a_webhook() -> None:
    key = {"source": "vault", "engine": "dynamic", "mount": "openai", "path": "creds/x", "field": "key"}
    assert faults(settings(key, webhook=None)) == []


def test_a_secret_to_log_in_with_has_no_policy() -> None:
    fixed = {"source": "file", "path": "/run/secret-id", "rotation": ROTATION}
    vault = {"address": "https://vault", "login": {"method": "approle", "role_id": fixed, "secret_id": fixed}}
    with pytest.raises(ValueError):
        Settings.model_validate({**settings().model_dump(), "vault": vault})
