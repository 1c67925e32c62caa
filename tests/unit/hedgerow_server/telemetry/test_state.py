"""What a router tells of itself."""

from hedgerow_server.core.admin import ConfigState
from hedgerow_server.telemetry.state import RouterNumbers
from unit.hedgerow_server.telemetry.counted import told


def test_the_configuration_its_reloads_and_readiness_are_told_as_they_are() -> None:
    state = ConfigState(config_hash="abc", path="x.yaml", loaded_unix_s=12.0, reloads=3, failed_reloads=2)
    assert told(RouterNumbers("1.2", lambda: state, lambda: True, lambda: 5)) == {
        ("hedgerow_build_info", "1.2"): 1,
        ("hedgerow_ready",): 1,
        ("hedgerow_config_info", "abc"): 1,
        ("hedgerow_config_loaded_timestamp_seconds",): 12,
        ("hedgerow_config_last_reload_successful",): 1,
        ("hedgerow_config_reloads_total", "applied"): 3,
        ("hedgerow_config_reloads_total", "failed"): 2,
        ("hedgerow_log_lines_dropped_total",): 5,
    }


def test_a_router_that_is_not_ready_says_so() -> None:
    state = ConfigState(config_hash="abc", path="x.yaml", loaded_unix_s=12.0)
    assert ("hedgerow_ready",) not in told(RouterNumbers("1.2", lambda: state, lambda: False, lambda: 0))


def test_a_failed_reload_and_a_rollback_are_told_until_they_are_over() -> None:
    state = ConfigState(config_hash="abc", path="x.yaml", loaded_unix_s=12.0, last_error="no", file_hash="def")
    found = told(RouterNumbers("1.2", lambda: state, lambda: True, lambda: 0))
    assert ("hedgerow_config_last_reload_successful",) not in found
    assert found["hedgerow_config_rolled_back",] == 1
