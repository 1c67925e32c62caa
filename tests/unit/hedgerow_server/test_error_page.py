"""docs/errors.md, the page that the one on call opens."""

import re

from hedgerow.errors.v1.error_reason_pb2 import ErrorReason
from hedgerow_server.core.error import every_error
from stack import ROOT

ROW = re.compile(r"^\| `([A-Z_]+)` \| ([A-Z_]+) \|", re.MULTILINE)


def test_every_reason_has_its_row_with_its_code() -> None:
    page = dict(ROW.findall((ROOT / "docs" / "errors.md").read_text(encoding="utf-8")))
    reasons = [name.removeprefix("ERROR_REASON_") for name in ErrorReason.keys()]  # noqa: SIM118 - an enum wrapper
    assert page == {reason: every_error()[reason].code for reason in reasons if reason != "UNSPECIFIED"}
