"""What may be secret in a configuration is not shown, also where it should not stand."""

import pytest
from hedgerow_server.config.masked import MASK, masked

CANARY = "canary-5c1b"


@pytest.mark.parametrize(
    "configuration",
    [
        {"providers": {"a": {"headers": {"x-team": CANARY}}}},
        {"providers": {"a": {"api_key": CANARY}}},
        {"store": {"postgres": {"password": CANARY}}},
        {"identity": {"admin": {"token": CANARY}}},
        {"alerts": {"webhook": {"url": f"https://hooks.example/services/{CANARY}", "secret": "webhook"}}},
        {"providers": {"a": {"base_url": f"https://user:{CANARY}@host/v1"}}},
        {"providers": {"a": {"base_url": f"https://host/v1?key={CANARY}"}}},
        {"providers": {"a": {"base_url": f"https://host/v1#{CANARY}"}}},
        {"guardrails": {"guards": {"a": {"phrases": ["x", CANARY]}}}},
        {"list": [{"client_secret": CANARY}, [{"authorization": CANARY}]]},
    ],
    ids=str,
)
def test_what_may_be_secret_is_masked(configuration: dict[str, object]) -> None:
    told = masked(configuration, {"webhook"})
    assert CANARY not in str(told)
    assert MASK in str(told)


def test_the_rest_stays_as_it_is() -> None:
    """Names of credentials, variables and paths of secrets, numbers, and addresses without a secret."""
    configuration = {
        "credentials": {"pepper": {"source": "env", "variable": "PEPPER"}, "b": {"source": "file", "path": "/etc/key"}},
        "identity": {"api_keys": {"pepper": "pepper"}, "admin": {"token": "b", "access": "roles"}},
        "providers": {"a": {"credential": "b", "base_url": "https://host:8443/v1", "rate_limits": {"tokens": 5}}},
        "quotas": [{"unit": "tokens", "limit": 100, "match": {}}],
        "on": True,
        "nothing": None,
    }
    assert masked(configuration, {"pepper", "b"}) == configuration
