"""docs/errors.md, the page that the one on call opens."""

import json
import re
import runpy
import subprocess

from docs.pages import pages
from hedgerow.errors.v1.error_reason_pb2 import ErrorReason
from hedgerow_server.core.error import every_error
from sdks.environment import python as with_vendors_packages
from stack import ROOT

ROW = re.compile(r"^\| `([A-Z_]+)` \| ([A-Z_]+) \| [^|]+ \| ([^|]*) \| ([^|]*) \|$", re.MULTILINE)
REASONS = {name.removeprefix("ERROR_REASON_") for name in ErrorReason.keys()} - {"UNSPECIFIED"}  # noqa: SIM118 - an enum
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "_error_docs.py"))
# Runs where the SDKs are: the exceptions that they make of statuses.
ASK = """
import json, sys
import anthropic, httpx, openai
found = {}
for sdk, client in (("OPENAI", openai.OpenAI(api_key="x")), ("ANTHROPIC", anthropic.Anthropic(api_key="x"))):
    for status in json.loads(sys.argv[1])[sdk]:
        response = httpx.Response(status, request=httpx.Request("POST", "http://x"))
        error = client._make_status_error("", body={}, response=response)
        found[f"{sdk} {status}"] = type(error).__name__
print(json.dumps(found))
"""


def test_every_reason_has_its_row_with_its_code_and_with_what_to_do() -> None:
    rows = {
        reason: (code, caller, operator) for reason, code, caller, operator in ROW.findall(pages()["docs/errors.md"])
    }
    assert {reason: code for reason, (code, _, _) in rows.items()} == {
        name: every_error()[name].code for name in REASONS
    }
    assert [reason for reason, (_, caller, operator) in rows.items() if not (caller + operator).strip()] == []


def test_the_table_of_the_http_doors_is_what_they_answer() -> None:
    """`python scripts/_error_docs.py` brings it up to date."""
    page = pages()["docs/errors.md"]
    assert SCRIPT["generated"](page) == page
    told = set(re.findall(r"^\| `([A-Z_]+)` \| (?:yes|no) \|", page, re.MULTILINE))
    assert told | set(SCRIPT["NOT_AT_HTTP"]) == REASONS


def test_the_exceptions_of_the_table_are_those_of_the_sdks() -> None:
    """Of openai and anthropic as their packages are pinned."""
    words = [one for reason, one in SCRIPT["HTTP_WORDS"].items() if reason not in SCRIPT["NOT_AT_HTTP"]]
    statuses = {
        "OPENAI": sorted({one.status for one in words}),
        "ANTHROPIC": sorted({one.anthropic_status for one in words}),
    }
    command = [with_vendors_packages(), "-c", ASK, json.dumps(statuses)]
    found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    assert found == {
        f"{sdk} {status}": SCRIPT["exception"](status, SCRIPT[sdk]) for sdk, some in statuses.items() for status in some
    }
