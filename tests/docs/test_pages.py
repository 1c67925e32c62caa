"""What holds for every page: fences say what is in them, few are not run, links lead somewhere, names are those of the
product.
"""

import re
import subprocess
import sys

import pytest
from docs.pages import LINK, anchors, pages, parsed, uncoded
from hedgerow.admin.v1 import admin_service_pb2
from hedgerow.chat.v1 import chat_service_pb2
from hedgerow.embed.v1 import embed_service_pb2
from hedgerow.errors.v1.error_reason_pb2 import ErrorReason
from hedgerow.guardrail.v1 import guardrail_service_pb2
from hedgerow.router.v1 import router_service_pb2
from hedgerow.usage.v1 import usage_service_pb2
from hedgerow_client.cli.verbs import build
from stack import ROOT
from typer.main import get_command

# Each has a test of its own in this folder.
CHECKED = {"bash", "console", "go", "java", "js", "json", "proto", "python", "yaml"}
# There is nothing that could run them.
PLAIN = {"http", "mermaid", "promql", "sql", "text", "xml"}
MOST_NOT_RUN = 26
SERVICES = {
    f"{service.full_name}/{method.name}"
    for module in (
        admin_service_pb2,
        chat_service_pb2,
        embed_service_pb2,
        guardrail_service_pb2,
        router_service_pb2,
        usage_service_pb2,
    )
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}
PAGES = sorted(pages())


@pytest.mark.parametrize("page", PAGES)
def test_every_fence_says_what_is_in_it(page: str) -> None:
    wrong = [one.place for one in parsed(page, pages()[page]) if one.language not in CHECKED | PLAIN]
    assert wrong == []


def test_few_snippets_are_not_run_and_each_says_why() -> None:
    reasons = {one.place: one.not_run for page in PAGES for one in parsed(page, pages()[page]) if one.not_run}
    assert all(len(reason) > 10 for reason in reasons.values()), reasons
    assert len(reasons) <= MOST_NOT_RUN, reasons


def test_snippets_that_are_parts_of_a_file_stand_in_it() -> None:
    """Line for line, whatever the indent."""
    wrong = []
    for one in (one for page in PAGES for one in parsed(page, pages()[page]) if one.source):
        path = ROOT / one.source
        whole = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
        part = [line.strip() for line in one.text.splitlines()]
        if not any(whole[at : at + len(part)] == part for at in range(len(whole))):
            wrong.append(one.place)
    assert wrong == []


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_pages_and_headings(page: str) -> None:
    missing = []
    for link in LINK.findall(uncoded(pages()[page])):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            missing.append(link)
    assert missing == []


@pytest.mark.parametrize("page", PAGES)
def test_rpcs_that_a_page_names_are_those_of_the_contract(page: str) -> None:
    ours = {name.rpartition(".")[2] for name in SERVICES}
    short = set(re.findall(r"(?<![\w.])([A-Z]\w+Service/[A-Z]\w+)\b(?!\*)", pages()[page]))
    full = set(re.findall(r"\bhedgerow\.\w+\.v1\.\w+/\w+", pages()[page]))
    # What a caller misspells in an example of an error.
    assert (short - ours - {"ChatService/Compleet"}) | (full - SERVICES - {f"{CHAT}/Compleet"}) == set()


CHAT = "hedgerow.chat.v1.ChatService"


@pytest.mark.parametrize("page", PAGES)
def test_reasons_that_a_page_names_are_those_of_the_contract(page: str) -> None:
    named = set(re.findall(r"\bERROR_REASON_[A-Z_]+[A-Z]\b", pages()[page]))
    assert named - set(ErrorReason.keys()) == set()


def test_options_of_the_command_line_that_pages_name_exist() -> None:
    """Those of `hedgerow VERB` in transcripts and code of all pages, against what the command line says of itself."""
    command = get_command(build())
    wrong = []
    for page, text in pages().items():
        for verb, rest in re.findall(r"(?:^\$ |`)hedgerow ([a-z]+(?: [a-z]+)?)([^`|&>\n]*)", text, flags=re.MULTILINE):
            wrong += [f"{page}: {verb} {option}" for option in unknown_options(command, verb.split(), rest)]
    assert wrong == []


def unknown_options(command: object, words: list[str], rest: str) -> list[str]:
    """The options in `rest` that the verb does not have."""
    for word in words:
        found = getattr(command, "commands", {}).get(word)
        if found is None:
            break
        command = found
    if command.context_settings.get("ignore_unknown_options"):  # type: ignore[attr-defined]
        return []
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}  # type: ignore[attr-defined]
    return [option for option in re.findall(r"(?<=\s)--[a-z][a-z-]+", rest) if option not in known | {"--help"}]


def test_the_reference_of_the_api_is_what_the_protos_say() -> None:
    """`python scripts/_api_docs.py` brings it up to date."""
    command = [sys.executable, "scripts/_api_docs.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
