"""The commands of the documentation, run one after the other as a reader would, against what scripts/serve starts."""

import re
import shutil

import pytest
from docs.demo import Demo
from docs.pages import Snippet, pages, parsed, runnable
from docs.shell import Shell, Step, compare, fits, renamed, steps

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PAGES = sorted({one.page for one in runnable("console")})
# What the fixture has started already, in the same way.
SERVE = re.compile(r"^scripts/serve$")
# What scripts/serve has no part of: a gateway with API keys is asked.
KEYED = re.compile(r"^hedgerow (?:keys|audit|erase|credentials refresh)\b")
FAILS = re.compile(r"^(?:error|ERROR)\b|^\S+\.yaml:\d+: ")
PROGRAMS = {
    "curl": "install curl",
    "go": "install Go 1.24 or newer",
    "grpcurl": "install Go 1.24 or newer, which builds it",
    "jq": "install jq",
    "mvn": "install a JDK 17 and Maven",
    "node": "install Node.js 20 or newer",
    "npm": "install Node.js 20 or newer",
    "openssl": "install openssl",
    "sqlite3": "install sqlite3",
}


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_do_what_it_shows(demo: Demo, demo_with_keys: Demo, page: str) -> None:
    environment = demo.environment()
    left_out: set[str] = set()
    names: dict[str, str] = {}
    root = demo.root(page)
    with Shell(root, environment) as shell:
        for snippet in parsed(page, pages()[page]):
            if snippet.deployed:
                continue
            if snippet.file:
                (root / snippet.file).write_text(demo.placed(snippet.text), encoding="utf-8")
            if snippet.language != "console" or snippet.not_run:
                continue
            *_, last = commands = list(steps(snippet.text))
            for step in commands:
                if missing := missing_program(step.command, environment["PATH"]):
                    left_out.add(missing)
                elif not SERVE.match(step.command):
                    fails = snippet.fails and step is last
                    asked = demo_with_keys if KEYED.match(step.command) else demo
                    names |= check(shell, asked, snippet, step, names, fails=fails or says_so(step))
    if left_out:
        pytest.skip(f"{page}: not all of its commands were run: {'; '.join(sorted(left_out))}")


def missing_program(command: str, path: str) -> str | None:
    """What to install for a command; None where all that it needs is here."""
    words = re.findall(r"(?:^|[|;&(]|\s)\s*([a-z0-9]+)(?=\s)", command)
    for word in words:
        if word in PROGRAMS and shutil.which(word, path=path) is None:
            return f"{word}: {PROGRAMS[word]}"
    return None


def says_so(step: Step) -> bool:
    """Whether what is shown of a command is a failure."""
    return bool(step.shown and FAILS.match(step.shown[0]))


def check(
    shell: Shell, demo: Demo, snippet: Snippet, step: Step, names: dict[str, str], *, fails: bool
) -> dict[str, str]:
    """Runs one command; returns the ids that its output has in the places of those on the page."""
    command = demo.placed(step.command)
    for ours, theirs in names.items():
        command = command.replace(ours, theirs)
    environment = demo.environment()
    status, printed = shell.run(f"export HEDGEROW_ADMIN={environment['HEDGEROW_ADMIN']}\n{command}")
    seen = [line.replace(f"{demo.folder}/", "") for line in printed]
    told = f"{snippet.place}: $ {step.command}\nended with {status} and printed\n" + "\n".join(seen)
    assert (status != 0) == fails, told
    if snippet.example:
        assert not step.shown or any(fits(step.shown[0], line) for line in seen), told
        return {}
    missing = compare(step.shown, seen)
    assert missing is None, f"{told}\nbut the page shows\n{missing}"
    return renamed(step.shown, seen)
