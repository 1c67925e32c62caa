"""Takes the screenshots of docs/console.md: `PYTHONPATH=tests python tests/console/shots.py FOLDER`."""

import asyncio
import sys
import tempfile
from pathlib import Path

from console import browser
from console.traffic import Town, town
from playwright.async_api import Browser

WIDE, PHONE = {"width": 1200, "height": 760}, {"width": 360, "height": 780}
LONG = ("calls", "errors", "routes", "configuration")
"""Those of which the top says enough."""
SHOTS = (
    ("overview", "/console/", "light", WIDE),
    ("overview-phone", "/console/", "light", PHONE),
    ("calls", "/console/calls", "light", WIDE),
    ("call", "/console/calls?route=search", "dark", WIDE),
    ("call-phone", "/console/calls?route=summary", "dark", PHONE),
    ("routes", "/console/routes", "light", WIDE),
    ("errors", "/console/errors", "dark", WIDE),
    ("spend", "/console/spend?span=day&by=team", "light", WIDE),
    ("spend-phone", "/console/spend?span=day&by=team", "dark", PHONE),
    ("keys", "/console/keys", "light", WIDE),
    ("credentials", "/console/credentials", "light", WIDE),
    ("configuration", "/console/configuration", "light", WIDE),
    ("try", "/console/try", "light", WIDE),
    ("login", "/console/login", "light", WIDE),
)


async def take(chromium: Browser, running: Town, folder: Path) -> None:
    """All of them, each of somebody who has just logged in."""
    for name, path, scheme, viewport in SHOTS:
        options = {"viewport": viewport, "color_scheme": scheme, "reduced_motion": "reduce"}
        async with browser.visit(chromium, running.origin, **options) as (page, _):
            if name != "login":
                await page.goto("/console/login")
                await page.get_by_label("API key").fill(running.operator)
                await page.keyboard.press("Enter")
                await page.wait_for_url("**/console/")
            await page.goto(path)
            if name in ("call", "call-phone"):
                # The newest is the one that a hedge has won, the oldest the one that had to fail over.
                found = page.locator("#recent-part tbody tr").filter(has_text="attempts")
                await (found.first if name == "call" else found.last).get_by_role("link").click()
                await page.wait_for_url("**/console/call?id=*")
            if name == "try":
                await page.get_by_label("Model").fill("assistant")
                await page.get_by_label("Prompt", exact=True).fill("What is a hedgerow?")
                await page.get_by_role("button", name="Explain the route").click()
                await page.get_by_role("heading", name="The plan").wait_for()
            await page.screenshot(path=folder / f"console-{name}.png", full_page=name not in LONG)


async def main(folder: Path) -> None:
    """Starts what is needed and ends it."""
    program = browser.program()
    if program is None:
        raise SystemExit(browser.MISSING)
    with tempfile.TemporaryDirectory() as temporary, town(Path(temporary), note="", pace_ms=80) as running:
        async with browser.started(program) as chromium:
            await take(chromium, running, folder)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
