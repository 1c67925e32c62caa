"""What a router is, and how it stands, in numbers."""

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from hedgerow_server.core.admin import ConfigState


class RouterNumbers:
    """Reads them off when they are asked for."""

    def __init__(
        self, version: str, config: Callable[[], ConfigState], ready: Callable[[], bool], lines_lost: Callable[[], int]
    ) -> None:
        """`lines_lost`: how many lines of calls were dropped."""
        self._version = version
        self._config = config
        self._ready = ready
        self._lines_lost = lines_lost

    def __call__(self) -> Iterator[Metric]:
        build = GaugeMetricFamily("hedgerow_build_info", "The version of the router; always 1.", labels=("version",))
        build.add_metric((self._version,), 1)
        yield build
        yield GaugeMetricFamily("hedgerow_ready", "Whether calls should come here, as /readyz says.", self._ready())
        state = self._config()
        text = "The configuration that is in force, by its hash; always 1."
        config = GaugeMetricFamily("hedgerow_config_info", text, labels=("hash",))
        config.add_metric((state.config_hash,), 1)
        yield config
        text = "When it came in force, as a Unix time in seconds."
        yield GaugeMetricFamily("hedgerow_config_loaded_timestamp_seconds", text, state.loaded_unix_s)
        text = "Whether the last reload was fine; 0 until the file, or what it needs, is put right."
        yield GaugeMetricFamily("hedgerow_config_last_reload_successful", text, float(not state.last_error))
        text = "Whether a rollback is in force: 1 until the file says something else, or a reload is asked for."
        yield GaugeMetricFamily("hedgerow_config_rolled_back", text, float(bool(state.file_hash)))
        text = "Reloads that put another configuration in force, and those that failed."
        reloads = CounterMetricFamily("hedgerow_config_reloads", text, labels=("outcome",))
        reloads.add_metric(("applied",), state.reloads)
        reloads.add_metric(("failed",), state.failed_reloads)
        yield reloads
        text = "Lines of calls that were lost since their stream was too slow, or failed."
        yield CounterMetricFamily("hedgerow_log_lines_dropped", text, self._lines_lost())
