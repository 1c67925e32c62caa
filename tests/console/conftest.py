"""One browser for all tests of the console."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from console import browser, samples
from console.gallery import Gallery, shown_at
from console.ground import Ground, open_ground, strict_ground
from console.provider import Provider, provider
from console.traffic import Town
from console.traffic import town as start_town
from console.visitor import Visitor, visiting
from playwright.async_api import Browser
from rpc.access import OPERATOR


@pytest_asyncio.fixture(scope="session", name="chromium")
async def chromium_fixture() -> AsyncIterator[Browser]:
    """Debian's Chromium."""
    path = browser.program()
    if path is None:
        pytest.skip(browser.MISSING)
    async with browser.started(path) as running:
        yield running


@pytest_asyncio.fixture(scope="session", name="gallery")
async def gallery_fixture() -> AsyncIterator[tuple[Gallery, str]]:
    """The sample pages with honest texts, and their origin."""
    gallery = Gallery()
    async with shown_at(gallery) as origin:
        yield gallery, origin


@pytest_asyncio.fixture(scope="session", name="hostile")
async def hostile_fixture() -> AsyncIterator[tuple[Gallery, str]]:
    """The same with a script in every text that may come from outside."""
    gallery = Gallery(samples.hostile)
    async with shown_at(gallery) as origin:
        yield gallery, origin


@pytest.fixture(scope="session", name="town")
def town_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A router that has been called, with scripts in whatever a caller may write."""
    if browser.program() is None:
        pytest.skip(browser.MISSING)
    with start_town(tmp_path_factory.mktemp("town")) as running:
        yield running


@pytest.fixture(scope="session", name="idp")
def idp_fixture() -> Iterator[Provider]:
    """An OpenID provider."""
    with provider() as running:
        yield running


@pytest.fixture(scope="session", name="ground")
def ground_fixture(idp: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A router with a console."""
    with open_ground(tmp_path_factory.mktemp("open"), idp) as running:
        yield running


@pytest.fixture(scope="session", name="strict")
def strict_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A router whose console is behind https, forgets people after a second and takes three wrong keys a minute."""
    with strict_ground(tmp_path_factory.mktemp("strict")) as running:
        yield running


@pytest.fixture(name="visitor")
def visitor_fixture(ground: Ground) -> Iterator[Visitor]:
    """Somebody who has not logged in."""
    with visiting(ground.url) as found:
        yield found


@pytest.fixture(name="operator")
def operator_fixture(visitor: Visitor) -> Visitor:
    """Somebody who has logged in with the operator's token."""
    assert visitor.log_in(OPERATOR).status_code == 303
    return visitor
