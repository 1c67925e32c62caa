"""What the configuration may say of kept answers."""

from pathlib import Path
from typing import Any

import pydantic
import pytest
import yaml
from hedgerow_server.caching.section import CacheSection, RouteCacheSection
from hedgerow_server.config.load import ConfigError, load
from hedgerow_server.routing.section import RouteSection
from hedgerow_server.settings import Settings, references

REDIS = {"url": "redis://127.0.0.1:6379/0"}


def configured(tmp_path: Path, cache: dict[str, Any]) -> list[str]:
    """What is wrong with a configuration that has this section; empty: nothing."""
    path = tmp_path / "router.yaml"
    config = {
        "credentials": {"mac": {"source": "env", "variable": "HEDGEROW_TEST_MAC"}},
        "providers": {"a": {"dialect": "openai", "base_url": "http://127.0.0.1:9/v1"}},
        "routes": {"fast": {"kind": "chat", "candidates": [{"provider": "a", "model": "m"}], "cache": {}}},
        "cache": cache,
    }
    path.write_text(yaml.safe_dump(config))
    try:
        load(path, Settings, references)
    except ConfigError as error:
        return [str(fault) for fault in error.faults]
    return []


def test_a_router_keeps_nothing_unless_a_route_says_so() -> None:
    route = {"kind": "chat", "candidates": [{"provider": "a", "model": "m"}]}
    assert RouteSection.model_validate(route).cache is None


def test_semantic_answers_belong_to_users_unless_the_route_says_otherwise() -> None:
    assert (RouteCacheSection().whom, RouteCacheSection(mode="semantic").whom) == ("tenant", "user")
    assert RouteCacheSection(mode="semantic", scope="tenant").whom == "tenant"


@pytest.mark.parametrize(
    ("cache", "expected"),
    [
        ({"store": "redis"}, "expected `redis` beside store: redis"),
        ({"redis": REDIS}, "expected `redis` beside store: redis, and only there"),
        ({"store": "redis", "redis": REDIS}, "expected `mac_key` beside store: redis"),
        ({"store": "redis", "redis": {"url": "redis://me:secret@host/0"}, "mac_key": "mac"}, "expected no name and"),
        ({"max_answer_bytes": 10}, "greater than or equal to 1024"),
    ],
)
def test_a_section_that_would_not_work_is_refused(cache: dict[str, Any], expected: str) -> None:
    with pytest.raises(pydantic.ValidationError, match=expected):
        CacheSection.model_validate(cache)


def test_credentials_that_are_not_there_are_told(tmp_path: Path) -> None:
    assert configured(tmp_path, {"store": "redis", "redis": REDIS, "mac_key": "mac"}) == []
    (one,) = configured(tmp_path, {"mac_key": "other"})
    assert "cache.mac_key" in one
    (one,) = configured(tmp_path, {"store": "redis", "redis": {**REDIS, "password": "other"}, "mac_key": "mac"})
    assert "cache.redis.password" in one
