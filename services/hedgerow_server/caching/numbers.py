"""Kept answers in numbers."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from hedgerow_server.caching.shelf import Caches


class CacheNumbers:
    """Reads them off when they are asked for."""

    def __init__(self, caches: Caches) -> None:
        self._caches = caches

    def __call__(self) -> Iterator[Metric]:
        counts, store = self._caches.counts, self._caches.store
        text = "Chats and embedding inputs that were answered without a provider, by how that was found."
        hits = CounterMetricFamily("hedgerow_cache_hits", text, labels=("kind",))
        for kind in ("exact", "shared", "semantic", "embeddings"):
            hits.add_metric((kind,), getattr(counts, kind))
        yield hits
        text = "Chats and embedding inputs whose answers were looked for and for which a provider was asked."
        misses = CounterMetricFamily("hedgerow_cache_misses", text, labels=("kind",))
        misses.add_metric(("chat",), counts.missed)
        misses.add_metric(("embeddings",), counts.missed_embeddings)
        yield misses
        yield CounterMetricFamily("hedgerow_cache_writes", "Answers that were kept.", counts.writes)
        yield CounterMetricFamily("hedgerow_cache_written_bytes", "What those came to.", counts.written_bytes)
        text = "Kept answers that were not as they had been kept, by what gave them away."
        alarms = CounterMetricFamily("hedgerow_cache_alarms", text, labels=("reason",))
        for reason, count in counts.alarms.items():
            alarms.add_metric((reason,), count)
        yield alarms
        text = "Look-ups that the store did not answer, or not in time."
        yield CounterMetricFamily("hedgerow_cache_unanswered", text, counts.unanswered)
        yield GaugeMetricFamily("hedgerow_cache_up", "Whether the store can be asked.", float(store.away is None))
        size = store.size()
        if size is not None:
            yield GaugeMetricFamily("hedgerow_cache_entries", "Answers in memory.", size[0])
            yield GaugeMetricFamily("hedgerow_cache_bytes", "The memory that they take.", size[1])
