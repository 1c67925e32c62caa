"""The audit log in numbers."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, Metric

from hedgerow_server.interceptors.audit import Audit


class AuditNumbers:
    """Reads them off when they are asked for."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    def __call__(self) -> Iterator[Metric]:
        text = "Rows of the audit log: written, or missed since the store did not take them."
        rows = CounterMetricFamily("hedgerow_audit_records", text, labels=("outcome",))
        rows.add_metric(("written",), self._audit.written)
        rows.add_metric(("missed",), self._audit.missed)
        yield rows
