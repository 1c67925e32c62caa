"""The ledger in numbers."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from hedgerow_server.ledger.ledger import Ledger


class LedgerNumbers:
    """Reads them off when they are asked for."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def __call__(self) -> Iterator[Metric]:
        ledger = self._ledger
        text = "Whether further calls can be written down; where not, they are refused."
        yield GaugeMetricFamily("hedgerow_ledger_admitting", text, float(ledger.admitting))
        text = "What the spool takes of the disk: two segments at the least."
        yield GaugeMetricFamily("hedgerow_ledger_spool_bytes", text, ledger.used_bytes)
        text = "What it may take."
        yield GaugeMetricFamily("hedgerow_ledger_spool_max_bytes", text, ledger.max_bytes)
        text = "What has ended before so many seconds is in the store."
        yield GaugeMetricFamily("hedgerow_ledger_behind_seconds", text, ledger.behind_s)
        text = "Records that the store does not take while it takes others; they are in the file `rejected`."
        yield CounterMetricFamily("hedgerow_ledger_rejected", text, ledger.rejected)
