"""Debian's Chromium, driven by Playwright, and what a page did in it."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, async_playwright, expect

MISSING = "Chromium is not here: install the package chromium, or run scripts/test as root on Debian"
"""How a test says why it is left out. CI does not take it."""
FLAGS = (
    "--disable-quic",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def program() -> str | None:
    """Where Chromium is, if it is here."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@asynccontextmanager
async def started(path: str) -> AsyncIterator[Browser]:
    """A browser without a window."""
    async with async_playwright() as playwright:
        # Without its sandbox: the tests may run as root, and visit our own pages only.
        browser = await playwright.chromium.launch(
            executable_path=path, headless=True, chromium_sandbox=False, args=list(FLAGS)
        )
        try:
            yield browser
        finally:
            await browser.close()


# On a machine that has more to do, too: every wait ends as soon as what it waits for is there.
WITHIN_MS = 40_000
expect.set_options(timeout=WITHIN_MS)


@dataclass
class Seen:
    """What the pages of one context did that they must not."""

    origin: str
    complaints: list[str] = field(default_factory=list)
    """Errors and warnings of the console, what the policy refused and scripts that failed."""
    elsewhere: list[str] = field(default_factory=list)
    """Requests to other origins."""

    def watch(self, page: Page) -> None:
        """Notes what a page does from now on."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _request(self, request: Request) -> None:
        scheme, host, *_ = urlsplit(request.url)
        if f"{scheme}://{host}" != self.origin:
            self.elsewhere.append(request.url)


@asynccontextmanager
async def visit(browser: Browser, origin: str, **options: object) -> AsyncIterator[tuple[Page, Seen]]:
    """A page of a fresh context, which has no cookies, and what it does."""
    context: BrowserContext = await browser.new_context(base_url=origin, **options)  # type: ignore[arg-type]
    context.set_default_timeout(WITHIN_MS)
    seen = Seen(origin)
    context.on("page", seen.watch)
    try:
        yield await context.new_page(), seen
    finally:
        await context.close()
