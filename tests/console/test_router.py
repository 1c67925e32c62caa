"""The console of a real router, in a real browser."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from console.browser import Seen, visit
from console.traffic import SCRIPT, Town
from playwright.async_api import Browser, Page, expect

PLACES = ("Overview", "Calls", "Routes", "Errors", "Spend", "Keys", "Credentials", "Configuration", "Try a prompt")
RENEWED_MS = 10_000


@asynccontextmanager
async def inside(chromium: Browser, town: Town, **options: object) -> AsyncIterator[tuple[Page, Seen]]:
    """A page of somebody who has just logged in."""
    async with visit(chromium, town.origin, **options) as (page, seen):
        await page.goto("/")
        await page.get_by_label("API key").fill(town.operator)
        await page.get_by_role("button", name="Log in", exact=True).click()
        await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
        yield page, seen


async def go(page: Page, place: str) -> None:
    """By the navigation."""
    await page.get_by_role("navigation").get_by_role("link", name=place, exact=True).click()
    await expect(page.locator("h1")).to_have_text(place)


async def test_every_page_answers_in_peace(chromium: Browser, town: Town) -> None:
    """No error in the browser's console, nothing that the policy refuses, no request to elsewhere; nor at a phone's
    width a page that scrolls sideways.
    """
    async with inside(chromium, town, viewport={"width": 360, "height": 780}) as (page, seen):
        for place in PLACES:
            await go(page, place)
            assert await page.evaluate("document.documentElement.scrollWidth") == 360
        assert seen.complaints == []
        assert seen.elsewhere == []


async def test_a_script_that_a_caller_has_stored_is_shown_and_not_run(chromium: Browser, town: Town) -> None:
    """In a label, in the name of a model and in the message about it, in what a key is for, in a reason."""
    async with inside(chromium, town) as (page, seen):
        await go(page, "Keys")
        await expect(page.get_by_text(f"nightly {SCRIPT}").first).to_be_visible()
        await go(page, "Routes")
        await expect(page.get_by_text(f"retired {SCRIPT}")).to_be_visible()
        await page.goto("/console/calls?outcome=failed")
        row = page.get_by_role("row").filter(has_text="MODEL_NOT_FOUND").first
        await row.get_by_role("link").click()
        await expect(page.get_by_text(SCRIPT).first).to_be_visible()
        await page.goto("/console/calls?route=assistant")
        await page.locator("#recent-part tbody a").first.click()
        await expect(page.get_by_text(f"note: {SCRIPT}")).to_be_visible()
        await page.goto(f"/console/calls?tenant={SCRIPT}&route={SCRIPT}&outcome={SCRIPT}")
        await page.goto(f"/console/call?id={SCRIPT}")
        assert await page.evaluate("window.ran") is None
        assert [text for text in seen.complaints if "404" not in text] == []


async def test_a_failover_is_a_line_of_time(chromium: Browser, town: Town) -> None:
    """Two attempts, the reason of the first, and parts that add up to the whole."""
    async with inside(chromium, town) as (page, _):
        await page.goto("/console/calls?route=summary&tenant=globex")
        # The newest may come after the breaker has opened: the first call had to fail over.
        await page.locator("#recent-part tbody a").last.click()
        attempts = page.locator(".attempts tbody tr")
        await expect(attempts).to_have_count(2)
        await expect(attempts.nth(0)).to_contain_text("PROVIDER_UNAVAILABLE HTTP 503")
        await expect(attempts.nth(0)).to_contain_text("azure-eu")
        await expect(attempts.nth(1)).to_contain_text("failover")
        await expect(attempts.nth(1)).to_contain_text("succeeded")
        assert await attempts.locator("svg .run").count() == 2
        table = page.get_by_role("table", name="Where the time went")
        parts = [seconds(text) for text in await table.locator("tbody td:nth-child(2)").all_inner_texts()]
        whole = seconds(await table.locator("tfoot td").first.inner_text())
        assert abs(sum(parts) - whole) <= 0.001 + 0.0005 * len(parts)


async def test_a_failure_is_found_by_its_provider(chromium: Browser, town: Town) -> None:
    async with inside(chromium, town) as (page, _):
        await go(page, "Errors")
        section = page.locator("section").filter(has=page.get_by_role("heading", name="azure-eu"))
        await expect(section.locator("article").first).to_contain_text("failed")
        await section.locator("h3 a").first.click()
        await expect(page.get_by_role("heading", name="Attempts")).to_be_visible()


async def test_spend_is_drawn_and_told(chromium: Browser, town: Town) -> None:
    """Both tenants, and the budget of each with what is used of it."""
    async with inside(chromium, town) as (page, _):
        await go(page, "Spend")
        await page.get_by_label("Divided by").select_option("tenant")
        await page.get_by_role("button", name="Show").click()
        shares = page.get_by_role("table", name=re.compile("Spend by tenant"))
        for tenant in ("acme", "globex"):
            await expect(shares.get_by_role("row", name=re.compile(tenant))).to_contain_text("$")
            budgets = page.get_by_role("table", name=re.compile("Budgets and quotas"))
            await expect(budgets.get_by_role("row").filter(has_text=f"tenant: {tenant}").first).to_be_visible()
        assert await page.locator("#spend-points svg .bar").count() == await page.locator("#spend-points svg g").count()


async def test_trying_a_prompt_shows_the_plan_and_asks_nobody(chromium: Browser, town: Town) -> None:
    """And what was typed is still there."""
    before = town.asked()
    async with inside(chromium, town) as (page, _):
        await go(page, "Try a prompt")
        await page.get_by_label("Model").fill("assistant")
        await page.get_by_label("Prompt", exact=True).fill(f"Why? {SCRIPT}")
        await page.get_by_role("button", name="Explain the route").click()
        rows = page.get_by_role("table").locator("tbody tr")
        await expect(rows).to_have_count(3)
        await expect(rows.first).to_contain_text("openai")
        await expect(page.get_by_label("Prompt", exact=True)).to_have_value(f"Why? {SCRIPT}")
        await page.get_by_label("Model").fill("no-such-model")
        await page.get_by_role("button", name="Explain the route").click()
        await expect(page.get_by_role("alert")).to_contain_text("no-such-model")
        assert await page.evaluate("window.ran") is None
    assert town.asked() == before


async def test_the_configuration_is_shown_without_a_secret(chromium: Browser, town: Town) -> None:
    async with inside(chromium, town) as (page, _):
        await go(page, "Configuration")
        text = await page.locator(".listing").inner_text()
        assert "azure-eu" in text
        assert town.operator not in await page.content()
        await expect(page.get_by_text("The file is what is in force.")).to_be_visible()


async def test_a_live_page_goes_to_the_login_when_its_session_ends(chromium: Browser, town: Town) -> None:
    """Here somebody logs out in another tab."""
    async with inside(chromium, town) as (page, _):
        await page.clock.install()
        await go(page, "Calls")
        other = await page.context.new_page()
        await other.goto("/console/")
        await other.get_by_role("button", name="Log out").click()
        await expect(other.get_by_label("API key")).to_be_visible()
        await other.close()
        await page.clock.fast_forward(RENEWED_MS)
        await expect(page.get_by_label("API key")).to_be_visible()


async def test_the_console_works_without_javascript(chromium: Browser, town: Town) -> None:
    """The way in, every page, a filter, one call and the way out."""
    async with inside(chromium, town, java_script_enabled=False) as (page, _):
        for place in PLACES:
            await go(page, place)
        await page.goto("/console/calls")
        await page.get_by_label("Outcome").select_option("failed")
        await page.get_by_label("Tenant").select_option("acme")
        await page.get_by_role("button", name="Show").click()
        found = page.locator("#recent-part tbody tr")
        assert await found.count() == await found.filter(has_text="failed").filter(has_text="acme").count() > 0
        call_id = await page.locator("#recent-part tbody a").first.get_attribute("title")
        await page.get_by_role("searchbox").fill(str(call_id))
        await page.get_by_role("button", name="Find").click()
        await expect(page.locator("h1")).to_contain_text(str(call_id))
        await page.get_by_role("button", name="Log out").click()
        await expect(page.get_by_label("API key")).to_be_visible()
        await page.goto("/console/keys")
        await expect(page.get_by_label("API key")).to_be_visible()


async def test_a_wrong_key_is_told_to_whoever_listens(chromium: Browser, town: Town) -> None:
    """As an alert that describes the field."""
    async with visit(chromium, town.origin) as (page, _):
        await page.goto("/console/login")
        await page.get_by_label("API key").fill("wrong")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_be_visible()
        field = page.get_by_label("API key")
        assert await field.get_attribute("aria-describedby") == "login-error"
        assert await field.input_value() == ""


def seconds(text: str) -> float:
    """A duration as the console writes it, if it is below a minute."""
    number, unit = text.split()
    return float(number) / {"µs": 1e6, "ms": 1e3, "s": 1}[unit]
