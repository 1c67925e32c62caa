"""What is around a login: cookies, tokens of forms, ways back, and how often may be tried."""

from collections.abc import Mapping

import pytest
from hedgerow_server.console.login import Attempts, Cookies, FormTokens, from_here, safe_next
from hedgerow_server.console.section import ConsoleSection, OidcSection
from starlette.requests import Request
from starlette.responses import Response

OIDC = OidcSection(issuer="https://login.example", client_id="console")


def request(headers: Mapping[str, str]) -> Request:
    """A request with headers."""
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": raw, "query_string": b""})


def cookie(section: ConsoleSection) -> str:
    """The cookie of a session, as a browser is told it."""
    response = Response()
    Cookies(section).log_in(response, "id")
    return response.headers.getlist("set-cookie")[0]


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        (ConsoleSection(), "hedgerow-console=id; HttpOnly; Path=/console; SameSite=strict"),
        (
            ConsoleSection(public_url="http://10.0.0.1:8080"),
            "hedgerow-console=id; HttpOnly; Path=/console; SameSite=strict",
        ),
        (
            ConsoleSection(public_url="https://a.example"),
            "__Host-hedgerow-console=id; HttpOnly; Path=/; SameSite=strict; Secure",
        ),
        (
            ConsoleSection(public_url="https://a.example", oidc=OIDC),
            "__Host-hedgerow-console=id; HttpOnly; Path=/; SameSite=lax; Secure",
        ),
    ],
    ids=["plain", "plain elsewhere", "https", "https and OpenID"],
)
def test_the_cookie_is_as_narrow_as_it_can_be(section: ConsoleSection, expected: str) -> None:
    assert cookie(section) == expected


def test_a_login_forgets_the_cookie_of_its_form() -> None:
    response = Response()
    Cookies(ConsoleSection()).log_in(response, "id")
    assert "Max-Age=0" in response.headers.getlist("set-cookie")[1]


def test_over_https_a_cookie_without_the_prefix_counts_for_nothing() -> None:
    """Another host of the domain may have set it."""
    cookies = Cookies(ConsoleSection(public_url="https://a.example"))
    assert cookies.session_id(request({"cookie": "hedgerow-console=theirs"})) == ""


def test_the_token_of_a_form_goes_with_one_cookie_of_one_process() -> None:
    tokens = FormTokens()
    token = tokens.token("one")
    assert tokens.good("one", token)
    for login_id, shown in (("other", token), ("one", token[:-1]), ("one", ""), ("", tokens.token("")), ("one", "ж")):
        assert not tokens.good(login_id, shown)
    assert not FormTokens().good("one", token)


@pytest.mark.parametrize(
    ("site", "fine"), [("same-origin", True), ("none", True), (None, True), ("same-site", False), ("cross-site", False)]
)
def test_a_form_of_another_site_is_known_by_what_the_browser_says(site: str | None, *, fine: bool) -> None:
    assert from_here(request({"sec-fetch-site": site} if site is not None else {})) is fine


@pytest.mark.parametrize(
    "path", ["/console/", "/console/keys?tenant=a&page_token=b", "/console/call?id=https%3A%2F%2Fx"]
)
def test_a_page_of_the_console_may_follow_a_login(path: str) -> None:
    assert safe_next(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/console",
        "//evil.example/console/",
        "https://evil.example/console/",
        "/console/\\evil.example",
        "/console/../metrics",
        "/console/keys\r\nset-cookie: a=b",
        "/console/кey",
        "/console/login",
        "/console/logout",
        "/console/" + "a" * 2000,
    ],
)
def test_nothing_else_follows_a_login(path: str) -> None:
    assert safe_next(path) == ""


def test_an_address_waits_after_too_many_failures_and_no_other_does() -> None:
    now_s = [0.0]
    attempts = Attempts(2, lambda: now_s[0])
    attempts.failed("a")
    assert attempts.wait_s("a") == 0
    now_s[0] = 20.0
    attempts.failed("a")
    assert attempts.wait_s("a") == 40
    assert attempts.wait_s("b") == 0
    now_s[0] = 60.0
    assert attempts.wait_s("a") == 0
    attempts.failed("a")
    assert attempts.wait_s("a") == 0


def test_addresses_that_are_counted_are_bounded() -> None:
    attempts = Attempts(1)
    for number in range(10_500):
        attempts.failed(str(number))
    assert len(attempts._windows) == 10_000
    assert attempts.wait_s("10499") > 0
