"""Somebody with a browser, without the browser: follows the forms of the console's pages over HTTP."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

_CSRF = re.compile(r'name="csrf" value="([^"]+)"')
PAGES = ("", "calls", "routes", "errors", "spend", "keys", "credentials", "configuration", "try")


class Visitor:
    """Keeps cookies, and follows no redirect by itself."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=30)

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Asks for a page."""
        return self.http.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, path: str, csrf: str, *, site: str | None = None, **fields: str) -> httpx.Response:
        """Sends a form; `site` is what a browser says of where it comes from."""
        headers = {"sec-fetch-site": site} if site is not None else {}
        return self.http.post(path, data={"csrf": csrf, **fields}, headers=headers)

    def csrf(self, path: str) -> str:
        """The token in the forms of a page."""
        found = _CSRF.search(self.get(path).text)
        assert found is not None
        return found[1]

    def log_in(self, key: str, target: str = "") -> httpx.Response:
        """Sends the form of the login page."""
        return self.post("/console/login", self.csrf("/console/login"), key=key, next=target)


@contextmanager
def visiting(url: str) -> Iterator[Visitor]:
    """Somebody who has not logged in yet."""
    visitor = Visitor(url)
    with visitor.http:
        yield visitor
