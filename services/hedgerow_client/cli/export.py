"""`hedgerow export`: the ledger's attempts, for another system."""

import csv
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Literal

import typer

from hedgerow_client.cli.ledger import Since, Until, Where, exact, filters, period
from hedgerow_client.cli.options import DEFAULT_TARGET, Plaintext, Target, Timeout, TlsCa, Token, connect_usage
from hedgerow_client.cli.terminal import reporting, say

if TYPE_CHECKING:
    from hedgerow.usage.v1.record_pb2 import ExportedAttempt

_SHORT_S = 300
_USAGE = (
    "input_tokens",
    "input_uncached_tokens",
    "input_cache_read_tokens",
    "input_audio_tokens",
    "input_image_tokens",
    "output_tokens",
    "output_visible_tokens",
    "output_reasoning_tokens",
    "output_audio_tokens",
    "output_image_tokens",
)


def export(
    *,
    form: Annotated[
        Literal["csv", "jsonl", "focus"],
        typer.Option("--format", help="csv and jsonl have all that is known, focus is a FOCUS 1.2 dataset as CSV."),
    ] = "csv",
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="The file to write.  [default: stdout]", show_default=False)
    ] = None,
    since: Since = "7d",
    until: Until = None,
    where: Where = None,
    target: Target = DEFAULT_TARGET,
    token: Token = None,
    plaintext: Plaintext = None,
    tls_ca: TlsCa = None,
    timeout: Timeout = None,
) -> None:
    """Write out the ledger's attempts, oldest first, a row each.

    Money is US dollars, exact to 12 places. FOCUS has no place for attempts
    without a known cost: they are left out there, and counted.

    [bold]Examples[/bold]

      hedgerow export --since 2026-11-01 --until 2026-12-01 --format focus --out november.csv
      hedgerow export --since 1h --format jsonl | jq .attempt.served_model
    """
    with reporting(target):
        time, only = period(since, until), filters(where)
        with connect_usage(target, token, plaintext, tls_ca, timeout) as client, _opened(out) as stream:
            written, left_out = _write(form, client.export_attempts(time, only), stream)
    if left_out:
        say(f"attempts without a known price, which are left out: {left_out:,}")
    if out is not None:
        say(f"{written:,} rows")


def _write(form: str, found: "Iterable[ExportedAttempt]", stream: IO[str]) -> tuple[int, int]:
    """How many rows were written, and how many attempts were left out."""
    from google.protobuf.json_format import MessageToJson  # protobuf takes a while to load

    from hedgerow_client.books import focus

    written = left_out = 0
    writer: csv.DictWriter[str] | None = None
    for one in found:
        if form == "jsonl":
            stream.write(MessageToJson(one, indent=None, preserving_proto_field_name=True, ensure_ascii=False) + "\n")
            written += 1
            continue
        row = focus.row(one) if form == "focus" else _row(one)
        if row is None:
            left_out += 1
            continue
        if writer is None:
            writer = csv.DictWriter(stream, row)
            writer.writeheader()
        writer.writerow({name: _cell(value) for name, value in row.items()})
        written += 1
    return written, left_out


def _row(one: "ExportedAttempt") -> dict[str, str]:
    from hedgerow.common.v1.attempt_pb2 import AttemptKind, AttemptOutcome

    attempt, call = one.attempt.attempt, one.call
    short = long = 0
    for write in attempt.usage.input_cache_writes:
        if write.ttl.seconds > _SHORT_S:
            long += write.tokens
        else:
            short += write.tokens
    return {
        "start_time": attempt.start_time.ToJsonString(),
        "call_id": one.attempt.call_id,
        "attempt": str(attempt.number),
        "request_id": call.request_id,
        "tenant": call.tenant,
        "team": call.team,
        "user": call.user,
        "service": call.service,
        "key_id": call.key_id,
        "labels": ";".join(f"{name}={value}" for name, value in sorted(call.labels.items())),
        "method": call.method,
        "route": call.route,
        "provider": attempt.provider,
        "model": attempt.model,
        "served_model": one.attempt.served_model,
        "region": attempt.region,
        "credential": one.attempt.credential,
        "kind": AttemptKind.Name(attempt.kind).removeprefix("ATTEMPT_KIND_"),
        "outcome": AttemptOutcome.Name(attempt.outcome).removeprefix("ATTEMPT_OUTCOME_"),
        "error_reason": attempt.error_reason.removeprefix("ERROR_REASON_"),
        "upstream_status": str(attempt.upstream_status),
        "upstream_request_id": attempt.upstream_request_id,
        "total_seconds": str(attempt.total_duration.ToNanoseconds() / 1e9),
        **{name: str(getattr(attempt.usage, name)) for name in _USAGE},
        "input_cache_write_tokens": str(short),
        "input_cache_write_long_tokens": str(long),
        "estimated": str(attempt.usage.estimated).lower(),
        "cost_usd": exact(attempt.cost_picos) if attempt.HasField("cost_picos") else "",
        "account": one.attempt.account,
        "price_version": one.attempt.price_version,
    }


def _cell(value: str) -> str:
    """A spreadsheet takes what begins like this for a formula; callers choose request ids and labels."""
    return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") and not _is_number(value) else value


def _is_number(value: str) -> bool:
    return value.lstrip("-").replace(".", "", 1).isdigit()


@contextmanager
def _opened(out: Path | None) -> Iterator[IO[str]]:
    if out is None:
        yield sys.stdout
    else:
        with out.open("w", encoding="utf-8", newline="") as stream:
            yield stream
