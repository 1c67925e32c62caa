"""The pages with every kind of fact in them, in a real browser, under the policy that the console sends."""

import asyncio
import json

import pytest
from axe_playwright_python.async_playwright import Axe
from console import samples
from console.browser import visit
from console.gallery import Gallery
from hedgerow_server.console import shown
from msgspec.structs import replace
from playwright.async_api import Browser, Page, expect

PAGES = tuple(samples.pages())
ALL = (*PAGES, *samples.plain())
RENEWED_MS = 10_000
"""Within so much time on the page's clock every page has renewed itself."""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
"""Those of WCAG 2.2 A and AA, and axe's own of good practice."""


@pytest.mark.parametrize(("scheme", "rules"), [("light", RULES), ("dark", ["color-contrast"])])
async def test_axe_finds_nothing(
    chromium: Browser, gallery: tuple[Gallery, str], scheme: str, rules: list[str]
) -> None:
    """On no page, with everything that opens opened; the dark palette differs in its contrasts only."""
    async with visit(chromium, gallery[1], color_scheme=scheme, reduced_motion="reduce") as (page, _):
        found = {}
        for path in ALL:
            await page.goto(path)
            await page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
            results = await Axe().run(page, options={"runOnly": rules})
            found[path] = [
                (one["id"], [node["html"][:160] for node in one["nodes"]]) for one in results.response["violations"]
            ]
        assert not any(found.values()), json.dumps({path: what for path, what in found.items() if what}, indent=1)


async def test_a_phone_never_scrolls_sideways(
    chromium: Browser, gallery: tuple[Gallery, str], hostile: tuple[Gallery, str]
) -> None:
    """At 360 CSS pixels, also with long texts without a space: what is wider scrolls within itself."""
    for _, origin in (gallery, hostile):
        async with visit(chromium, origin, viewport={"width": 360, "height": 780}) as (page, _):
            wide = {}
            for path in ALL:
                await page.goto(path)
                wide[path] = await page.evaluate("document.documentElement.scrollWidth")
            assert set(wide.values()) == {360}, wide


async def test_a_stored_script_is_shown_and_not_run(chromium: Browser, hostile: tuple[Gallery, str]) -> None:
    """In whatever field it stands, and not by the script that renews the page either."""
    gallery, origin = hostile
    async with visit(chromium, origin) as (page, seen):
        for path in ALL:
            await page.goto(path)
            text = await page.evaluate(
                "document.body.textContent + [...document.querySelectorAll('input,textarea')].map((one) => one.value)"
            )
            assert samples.HOSTILE in text, f"{path} does not show it"
            assert await page.evaluate("document.querySelectorAll('script:not([src]), img[onerror]').length") == 0
        made = gallery.made["/console/calls"]
        await page.clock.install()
        await page.goto("/console/calls")
        await page.clock.fast_forward(RENEWED_MS)
        await until(lambda: gallery.made["/console/calls"] >= made + 2)
        await expect(page.locator("#recent-part")).to_contain_text(samples.HOSTILE)
        assert await page.evaluate("window.ran") is None
        assert seen.complaints == []
        assert seen.elsewhere == []


async def test_nothing_leaves_the_origin_and_the_policy_refuses_nothing(
    chromium: Browser, gallery: tuple[Gallery, str]
) -> None:
    async with visit(chromium, gallery[1]) as (page, seen):
        for path in ALL:
            await page.goto(path)
            assert await page.locator("h1").count() == 1
        assert seen.complaints == []
        assert seen.elsewhere == []


async def test_the_keyboard_alone_reaches_a_call(chromium: Browser, gallery: tuple[Gallery, str]) -> None:
    """The skip link first, then the navigation, the filter, and from the list to the page of one call."""
    async with visit(chromium, gallery[1]) as (page, _):
        await page.goto("/console/")
        await page.keyboard.press("Tab")
        assert await focused(page) == "Skip to content"
        await expect(page.locator(".skip")).to_be_in_viewport()
        await tab_to(page, "Calls")
        await page.keyboard.press("Enter")
        await expect(page).to_have_title("Calls · Hedgerow")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        assert await page.evaluate("document.activeElement.id") == "main"
        await page.keyboard.press("Tab")
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.name") == "outcome"
        await page.keyboard.type("fail")
        await tab_to(page, "Show")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**outcome=failed*")
        first = await page.locator("tbody a").first.inner_text()
        await tab_to(page, first)
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"**/console/call?id={first}")


async def test_focus_can_be_seen(chromium: Browser, gallery: tuple[Gallery, str]) -> None:
    """Whatever the keyboard comes to has an outline of at least two pixels."""
    async with visit(chromium, gallery[1]) as (page, _):
        await page.goto("/console/try")
        for _ in range(await page.locator("a, button, input:not([type=hidden]), textarea").count()):
            await page.keyboard.press("Tab")
            style = await page.evaluate(
                "(({outlineStyle: s, outlineWidth: w}) => [s, parseFloat(w)])(getComputedStyle(document.activeElement))"
            )
            assert style[0] == "solid"
            assert style[1] >= 2


async def test_the_page_renews_itself_until_it_is_paused(chromium: Browser, gallery: tuple[Gallery, str]) -> None:
    shows, origin = gallery
    calls = samples.calls(samples.honest)
    async with visit(chromium, origin) as (page, _):
        try:
            await page.clock.install()
            await page.goto("/console/calls")
            shows.pages["/console/calls"] = replace(calls, recent=calls.recent[:1])
            await page.clock.fast_forward(RENEWED_MS)
            await expect(page.locator("#recent-part tbody tr")).to_have_count(1)
            await page.get_by_role("button", name="Pause updates").click()
            await expect(page.get_by_role("status")).to_have_text("Updates are paused.")
            made = shows.made["/console/calls"]
            shows.pages["/console/calls"] = calls
            await page.reload()
            await expect(page.get_by_role("button", name="Resume updates")).to_be_visible()
            await page.clock.fast_forward(RENEWED_MS)
            assert shows.made["/console/calls"] == made + 1
            await page.get_by_role("button", name="Resume updates").click()
            await until(lambda: shows.made["/console/calls"] == made + 2)
            await page.clock.fast_forward(RENEWED_MS)
            await until(lambda: shows.made["/console/calls"] >= made + 3)
        finally:
            shows.pages["/console/calls"] = calls


async def test_what_the_keyboard_is_in_stays(chromium: Browser, gallery: tuple[Gallery, str]) -> None:
    """A part is not renewed under the reader's focus, and is once that has left."""
    shows, origin = gallery
    calls = samples.calls(samples.honest)
    async with visit(chromium, origin) as (page, _):
        try:
            await page.clock.install()
            await page.goto("/console/calls")
            await page.locator("#recent-part tbody a").nth(3).focus()
            shows.pages["/console/calls"] = replace(calls, recent=calls.recent[:1], open=())
            await page.clock.fast_forward(RENEWED_MS)
            await expect(page.locator("#open-part")).to_contain_text("No such call is open.")
            assert await page.locator("#recent-part tbody tr").count() == len(calls.recent)
            await page.locator("#find").focus()
            await page.clock.fast_forward(RENEWED_MS)
            await expect(page.locator("#recent-part tbody tr")).to_have_count(1)
        finally:
            shows.pages["/console/calls"] = calls


async def test_a_change_of_readiness_is_announced(chromium: Browser, gallery: tuple[Gallery, str]) -> None:
    """To those who do not see it, politely, once."""
    shows, origin = gallery
    overview = samples.overview(samples.honest)
    async with visit(chromium, origin) as (page, _):
        try:
            await page.clock.install()
            await page.goto("/console/")
            shows.pages["/console/"] = replace(overview, problems=("the ledger's spool is full",))
            await page.clock.fast_forward(RENEWED_MS)
            status = page.get_by_role("status")
            await expect(status).to_contain_text("Not ready to be sent calls. 2 alarms. the ledger's spool is full")
        finally:
            shows.pages["/console/"] = overview


async def test_everything_is_there_without_javascript(chromium: Browser, gallery: tuple[Gallery, str]) -> None:
    """What needs it is not shown, forms are sent, links lead on."""
    async with visit(chromium, gallery[1], java_script_enabled=False) as (page, _):
        await page.goto("/console/")
        await expect(page.locator("#live-toggle")).to_be_hidden()
        await page.get_by_role("link", name="Calls", exact=True).click()
        await page.get_by_label("Outcome").select_option("failed")
        await page.get_by_role("button", name="Show").click()
        await page.wait_for_url("**outcome=failed*")
        await page.locator("tbody a").first.click()
        await expect(page.locator("h1")).to_contain_text("Call")
        await page.get_by_role("link", name="Try a prompt").click()
        await page.get_by_role("button", name="Explain the route").click()
        await expect(page.get_by_role("heading", name="The plan")).to_be_visible()
        await page.goto("/console/spend")
        await page.get_by_text("The numbers as a table").click()
        await expect(page.locator("#spend-points-table tbody tr").first).to_be_visible()


async def test_a_chart_has_its_numbers_as_text(chromium: Browser, gallery: tuple[Gallery, str]) -> None:
    """A bar each, a row each, and the same in both."""
    page_of = gallery[0].pages["/console/spend"]
    assert isinstance(page_of, shown.Spend)
    async with visit(chromium, gallery[1]) as (page, _):
        await page.goto("/console/spend")
        titles = await page.locator("#spend-points svg title").all_text_contents()
        rows = await page.locator("#spend-points-table tbody tr").all()
        told = [" · ".join([text.strip() for text in await row.locator("th,td").all_text_contents()]) for row in rows]
        assert len(titles) == len(page_of.points)
        assert titles == told


async def focused(page: Page) -> str:
    return str(await page.evaluate("document.activeElement.textContent.trim()"))


async def tab_to(page: Page, text: str) -> None:
    """Presses Tab until what has the text has the focus."""
    for _ in range(60):
        await page.keyboard.press("Tab")
        if await focused(page) == text:
            return
    raise AssertionError(f"Tab never comes to {text!r}")


async def until(holds: object, within_s: float = 20) -> None:
    """Waits for a condition."""
    assert callable(holds)
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110 - what it waits for is a count, which tells nobody of its change
            await asyncio.sleep(0.02)
