"""What is long or slow: thousands of routes, and a file that is read by another process."""

import re
from collections.abc import Iterator

import pytest
from console.browser import visit
from console.ground import Ground
from console.visitor import Visitor
from playwright.async_api import Browser, expect
from rpc.access import OPERATOR
from rpc.caller import eventually

MOST = 200
"""Routes that one page shows."""
_NAME = re.compile(r'<h2 id="route-\d+">(\S+)')


@pytest.fixture(scope="module", name="many")
def many_fixture(ground: Ground) -> Iterator[Ground]:
    """The router with more routes than a page shows."""
    before = ground.config["routes"]
    candidates = [{"provider": "sim", "model": "gpt-4o-mini"}]
    more = {f"Team-{number:03}": {"kind": "chat", "candidates": candidates} for number in range(MOST)}
    ground.reload(
        routes={**before, **more, "all/*": {"kind": "chat", "candidates": [{"provider": "sim", "model": "*"}]}}
    )
    yield ground
    ground.reload(routes=before)


def names(visitor: Visitor, path: str) -> list[str]:
    return _NAME.findall(visitor.get(path).text)


def test_a_page_says_how_many_routes_it_leaves_out(many: Ground, operator: Visitor) -> None:
    page = operator.get("/console/routes").text
    assert len(_NAME.findall(page)) == MOST
    assert "200 routes are shown, 3 more are not" in page


@pytest.mark.parametrize(
    ("find", "found"),
    [("team-19", [f"Team-{number}" for number in range(190, 200)]), ("BROKEN", ["broken"]), ("all/", ["all/*"])],
)
def test_a_part_of_a_name_finds_its_routes(find: str, found: list[str], many: Ground, operator: Visitor) -> None:
    assert names(operator, f"/console/routes?find={find}") == found


async def test_the_field_finds_routes_and_says_when_there_is_none(chromium: Browser, many: Ground) -> None:
    async with visit(chromium, many.url) as (page, seen):
        await page.goto("/")
        await page.get_by_label("API key").fill(OPERATOR)
        await page.get_by_role("button", name="Log in", exact=True).click()
        await page.goto("/console/routes")
        field = page.get_by_label("Name has")
        await field.fill("team-007")
        await field.press("Enter")
        await expect(page.get_by_text("1 route has team-007 in its name.")).to_be_visible()
        await expect(page.locator("#routes-part h2")).to_have_count(1)
        assert await field.input_value() == "team-007"
        await field.fill("<b>nobody")
        await page.get_by_role("button", name="Show", exact=True).click()
        await expect(page.get_by_text("No route has <b>nobody in its name.")).to_be_visible()
        await page.get_by_role("link", name="Show all").click()
        await expect(page.locator("#routes-part h2")).to_have_count(MOST)
        assert seen.complaints == []


def test_how_the_file_differs_is_told_once_it_is_known(many: Ground, operator: Visitor) -> None:
    """The page itself does not wait for it."""
    many.path.write_text(many.path.read_text() + "\n# another mark\n")
    first = operator.get("/console/configuration").text
    assert "providers:" in first
    assert "being read and compared" in first or "is what is in force" in first
    told = "The file is what is in force"
    eventually(lambda: told in operator.get("/console/configuration").text, told)
    assert "data-live=" not in operator.get("/console/configuration").text, "nothing more will come"
