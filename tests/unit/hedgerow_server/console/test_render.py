"""What the templates make of facts, without a browser."""

import hashlib
import itertools
import re
from html.parser import HTMLParser

import pytest
from console import samples
from hedgerow_server.console import shown
from hedgerow_server.console.render import Pages, call_href, query
from msgspec.structs import replace

PAGES = tuple(samples.pages())
EMPTY: dict[str, shown.Page] = {
    "calls": shown.Calls(filter=shown.CallFilter(route="gone"), routes=(), tenants=(), open=(), recent=(), kept=10),
    "routes": shown.Routes(routes=(), switches=()),
    "spend": shown.Spend(span="day", by="team", unavailable="There is no ledger."),
    "nothing spent": shown.Spend(
        span="day", by="team", points=(shown.SpendPoint(0, 0, 0),), total=shown.SpendShare("", 0, 0, 0, 0)
    ),
    "keys": shown.Keys(tenant="", unavailable="There is no store."),
    "credentials": shown.Credentials(credentials=()),
    "errors": shown.Errors(providers=(), kept=10),
    "try": shown.Try(question=shown.Question(), models=()),
    "one call": shown.CallDetail(call=samples.call(samples.honest, 1, ""), attempts=(), breakdown=()),
}


class Tags(HTMLParser):
    """Every tag of a page with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []

    @property
    def names(self) -> set[str]:
        return {tag for tag, _ in self.found}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))


@pytest.fixture(scope="module", name="render")
def render_fixture() -> Pages:
    return Pages()


@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_a_script_or_style_of_its_own(render: Pages, path: str) -> None:
    """Which the policy would refuse: no inline script, no style, no handler, no address elsewhere."""
    tags = Tags()
    tags.feed(render.page(samples.pages(samples.hostile)[path], samples.shell(samples.hostile)))
    assert tags.names.isdisjoint({"style", "base", "iframe", "object", "embed"})
    for tag, attributes in tags.found:
        assert tag != "script" or attributes["src"].startswith("/console/static/")
        assert not [name for name in attributes if name == "style" or name.startswith("on")]
        for name in ("src", "href", "action", "formaction"):
            assert attributes.get(name, "/console/").startswith(("/console/", "#main"))


@pytest.mark.parametrize("path", PAGES)
def test_headings_are_in_order(render: Pages, path: str) -> None:
    """One of the first level, and none skips a level on the way down."""
    tags = Tags()
    tags.feed(render.page(samples.pages()[path], samples.shell()))
    levels = [int(tag[1]) for tag, _ in tags.found if tag in ("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(levels)), levels


@pytest.mark.parametrize("name", EMPTY)
def test_a_page_with_nothing_to_show_says_so(render: Pages, name: str) -> None:
    text = render.page(EMPTY[name], samples.shell())
    assert 'class="none"' in text or "There is no" in text or name == "try"


def test_a_page_of_the_navigation_is_marked_as_the_current_one(render: Pages) -> None:
    for page in samples.pages().values():
        text = render.page(page, samples.shell())
        assert re.findall(r'<a href="([^"]+)" aria-current="page"', text) in (
            [f"/console/{page.section}"],
            ["/console/"],
        )


def test_what_the_roles_do_not_allow_is_not_in_the_navigation(render: Pages) -> None:
    shell = replace(samples.shell(), hidden=frozenset({"keys"}))
    text = render.page(samples.routes(samples.honest), shell)
    assert 'href="/console/keys"' not in text
    assert 'href="/console/spend"' in text


def test_a_file_is_found_by_the_digest_of_its_content(render: Pages) -> None:
    text = render.plain(shown.Failure(status=404))
    name = re.findall(r'href="/console/static/(console-[0-9a-f]{12}\.css)"', text)[0]
    found = render.static_file(name)
    assert found is not None
    assert found[1] == "text/css; charset=utf-8"
    assert hashlib.sha256(found[0]).hexdigest()[:12] in name


@pytest.mark.parametrize("name", ["console.css", "../render.py", "", "console-000000000000.css"])
def test_there_is_no_other_file(render: Pages, name: str) -> None:
    assert render.static_file(name) is None


@pytest.mark.parametrize("call_id", ["a/b", "..", "a?b=c#d", "a&id=b", "ü"])
def test_no_id_changes_where_its_link_goes(call_id: str) -> None:
    """A caller may choose its request id."""
    assert re.fullmatch(r"/console/call\?id=[A-Za-z0-9._~%-]+", call_href(call_id))


def test_a_query_has_what_is_given() -> None:
    assert query("/console/calls", outcome="", tenant="a b&c") == "/console/calls?tenant=a+b%26c"


def test_the_plain_pages_know_nobody(render: Pages) -> None:
    """They have no shell: no navigation, no name."""
    for page in samples.plain().values():
        text = render.plain(page)
        assert "<nav" not in text
        assert "Log out" not in text
