"""Who gets into the console, and what every answer says: over HTTP, with a real router."""

import re
import socket

import httpx
import pytest
from console.ground import HEADER_CANARY, ROLES, Ground
from console.provider import CLIENT_SECRET
from console.visitor import PAGES, Visitor, visiting
from rpc.access import OPERATOR, PEPPER
from rpc.caller import eventually
from stack import KEY

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
SECTIONS = {
    "operator": set(PAGES),
    "keys": {"keys"},
    "routes": {"routes"},
    "accountant": {"", "configuration", "calls", "errors", "spend"},
    "narrow": {"", "configuration", "try"},
}


def page(name: str) -> str:
    """The path of a page."""
    return f"/console/{name}"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_sends_strangers_to_the_login_and_back(name: str, visitor: Visitor) -> None:
    answer = visitor.get(page(name))
    assert answer.status_code == 303
    target = answer.headers["location"]
    assert target.startswith("/console/login?next=")
    key = visitor.post("/console/login", visitor.csrf(target), key=OPERATOR, next=page(name))
    assert (key.status_code, key.headers["location"]) == (303, page(name))


@pytest.mark.parametrize("name", PAGES)
def test_the_operator_s_token_opens_every_page(name: str, operator: Visitor) -> None:
    assert operator.get(page(name)).status_code == 200


@pytest.mark.parametrize("role", sorted(SECTIONS))
def test_a_role_opens_the_pages_whose_rpcs_it_allows(role: str, ground: Ground, visitor: Visitor) -> None:
    """And the navigation names no others; the first of them is where / leads."""
    key, _ = ground.key(role)
    assert visitor.log_in(key).status_code == 303
    found = {name: visitor.get(page(name)) for name in PAGES}
    home = found.pop("")
    assert {name for name, answer in found.items() if answer.status_code == 200} == SECTIONS[role] - {""}
    assert {answer.status_code for name, answer in found.items() if name not in SECTIONS[role]} <= {403}
    assert home.status_code == (200 if "" in SECTIONS[role] else 303)
    shown = home if home.status_code == 200 else visitor.get(home.headers["location"])
    named = set(re.findall(r'<li><a href="/console/([a-z]*)"', shown.text))
    assert named == SECTIONS[role]


def test_a_key_that_is_no_operator_s_is_told_so_and_gets_no_session(ground: Ground, visitor: Visitor) -> None:
    key, _ = ground.key("caller")
    answer = visitor.log_in(key)
    assert answer.status_code == 403
    assert "hedgerow-console=" not in str(answer.headers)
    assert visitor.get(page("spend")).status_code == 303


def test_a_wrong_key_is_not_told_what_is_wrong_with_it(ground: Ground, visitor: Visitor) -> None:
    """Unknown, revoked, of another form, empty: the same page, but for the token of its form."""
    revoked, key_id = ground.key("operator")
    with ground.admin() as admin:
        admin.revoke_key(key_id)
    wrong = [revoked, revoked[:-1] + ("a" if revoked[-1] != "a" else "b"), "nonsense", "hk_", "ключ", OPERATOR + "x"]
    answers = [visitor.log_in(key) for key in wrong]
    assert [answer.status_code for answer in answers] == [401] * len(wrong)
    assert len({re.sub(r'name="csrf" value="[^"]+"', "", answer.text) for answer in answers}) == 1
    assert all(key not in answer.text for key, answer in zip(wrong, answers, strict=True) if key != "hk_")


def test_a_session_s_cookie_is_for_the_console_alone(visitor: Visitor) -> None:
    cookie = visitor.log_in(OPERATOR).headers.get_list("set-cookie")[0].lower()
    assert cookie.startswith("hedgerow-console=")
    for part in ("httponly", "path=/console", "samesite=lax"):
        assert f"; {part}" in cookie


def strict_login(strict: Ground, key: str, address: str) -> httpx.Response:
    """A login behind https, from somewhere behind the proxy, without a browser: it would not give the cookies of https
    to plain HTTP.
    """
    first = httpx.get(f"{strict.url}/console/login")
    csrf = re.search(r'name="csrf" value="([^"]+)"', first.text)
    assert csrf is not None
    return httpx.post(
        f"{strict.url}/console/login",
        data={"csrf": csrf[1], "key": key},
        headers={"cookie": first.headers["set-cookie"].partition(";")[0], "x-forwarded-for": address},
    )


def test_over_https_cookies_are_for_this_host_alone(strict: Ground) -> None:
    """SameSite strict, since nobody has to come back from an OpenID provider."""
    answer = strict_login(strict, OPERATOR, "192.0.2.1")
    assert answer.status_code == 303
    cookie = answer.headers.get_list("set-cookie")[0].lower()
    assert cookie.startswith("__host-hedgerow-console=")
    for part in ("httponly", "path=/;", "samesite=strict", "secure;"):
        assert f"; {part}" in f"{cookie};"
    assert answer.headers["strict-transport-security"].startswith("max-age=")


def test_a_session_ends_by_itself_and_a_page_that_brings_itself_up_to_date_does_not_prolong_it(strict: Ground) -> None:
    answer = strict_login(strict, OPERATOR, "192.0.2.2")
    session = {"cookie": answer.headers.get_list("set-cookie")[0].partition(";")[0]}
    refreshing = {**session, "x-console-refresh": "1"}

    def over() -> bool:
        return httpx.get(f"{strict.url}/console/calls", headers=refreshing).status_code == 401

    eventually(over, "the session has ended")
    assert httpx.get(f"{strict.url}/console/calls", headers=session).status_code == 303


def test_an_id_that_nobody_was_given_is_no_session(operator: Visitor) -> None:
    value = operator.http.cookies["hedgerow-console"]
    for forged in (value[:-1], value + "A", "", "x" * 5000):
        answer = httpx.get(f"{operator.url}/console/keys", headers={"cookie": f"hedgerow-console={forged}"})
        assert answer.status_code == 303


def test_a_login_gives_another_session_than_the_one_before(operator: Visitor) -> None:
    """And a browser that came with an id of somebody else's choice does not keep it."""
    first = operator.http.cookies["hedgerow-console"]
    with visiting(operator.url) as other:
        other.http.cookies.set("hedgerow-console", "chosen-by-somebody-else")
        answer = other.log_in(OPERATOR)
    assert first not in str(answer.headers)
    assert "chosen-by-somebody-else" not in str(answer.headers)


def test_logging_out_ends_the_session_on_the_server(operator: Visitor) -> None:
    cookie = {"cookie": f"hedgerow-console={operator.http.cookies['hedgerow-console']}"}
    answer = operator.post("/console/logout", operator.csrf(page("keys")))
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/login?out")
    assert httpx.get(f"{operator.url}/console/keys", headers=cookie).status_code == 303


def test_a_revoked_key_ends_its_session_with_the_next_request(ground: Ground, visitor: Visitor) -> None:
    key, key_id = ground.key("keys")
    visitor.log_in(key)
    assert visitor.get(page("keys")).status_code == 200
    with ground.admin() as admin:
        admin.revoke_key(key_id)
    assert visitor.get(page("keys")).status_code == 303


def test_a_role_that_allows_less_after_a_reload_shows_less_at_once(ground: Ground, visitor: Visitor) -> None:
    key, _ = ground.key("keys")
    visitor.log_in(key)
    assert visitor.get(page("keys")).status_code == 200
    identity = ground.config["identity"]
    try:
        ground.reload(identity={**identity, "roles": {**ROLES, "keys": {"rpcs": [], "admin": ["ListCandidates"]}}})
        assert visitor.get(page("keys")).status_code == 403
        assert visitor.get(page("routes")).status_code == 200
        ground.reload(identity={**identity, "roles": {**ROLES, "keys": {"rpcs": []}}})
        assert visitor.get(page("routes")).status_code == 303
    finally:
        ground.reload(identity=identity)


@pytest.mark.parametrize(
    ("path", "fields"), [("/console/logout", {}), ("/console/try", {"model": "fast", "prompt": "hello"})]
)
def test_a_form_without_the_session_s_token_changes_nothing(
    path: str, fields: dict[str, str], operator: Visitor
) -> None:
    csrf = operator.csrf(page("try"))
    assert operator.post(path, "", **fields).status_code == 403
    assert operator.post(path, csrf[:-1], **fields).status_code == 403
    assert operator.post(path, csrf, site="cross-site", **fields).status_code == 403
    assert operator.post(path, csrf, site="same-site", **fields).status_code == 403
    assert operator.get(page("try")).status_code == 200
    assert operator.post(path, csrf, site="same-origin", **fields).status_code < 400


def test_a_login_needs_the_form_that_this_browser_was_given(ground: Ground, visitor: Visitor) -> None:
    """Or somebody could be logged in as somebody else without noticing."""
    with visiting(ground.url) as other:
        csrf = other.csrf("/console/login")
        visitor.get("/console/login")
        answer = visitor.post("/console/login", csrf, key=OPERATOR)
        assert answer.status_code == 403
        assert other.post("/console/login", csrf, site="cross-site", key=OPERATOR).status_code == 403
    assert visitor.get(page("keys")).status_code == 303


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "https://evil.example", "/\\evil.example", "/metrics", "/console/\r\nx: y", "/console/logout"],
)
def test_a_login_leads_to_no_other_place(target: str, visitor: Visitor) -> None:
    assert visitor.log_in(OPERATOR, target).headers["location"] == "/console/"


def test_too_many_wrong_keys_are_refused_unseen(strict: Ground) -> None:
    """Also the right one, for a while; elsewhere people go on."""
    tries = [strict_login(strict, "wrong", "192.0.2.3") for _ in range(4)]
    assert [answer.status_code for answer in tries] == [401, 401, 401, 429]
    assert 0 < int(tries[-1].headers["retry-after"]) <= 60
    assert strict_login(strict, OPERATOR, "192.0.2.3").status_code == 429
    assert strict_login(strict, OPERATOR, "192.0.2.4").status_code == 303


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "[::1", "10.0.0.9"])
def test_a_page_under_another_s_name_is_refused(host: str, operator: Visitor) -> None:
    answer = operator.get(page("keys"), host=host)
    assert answer.status_code == 400
    assert "tenant" not in answer.text


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1234", "127.0.0.1", "[::1]:80"])
def test_the_names_of_this_machine_are_known(host: str, operator: Visitor) -> None:
    assert operator.get(page("keys"), host=host).status_code == 200


def test_the_public_host_is_known_where_the_door_is_behind_something(strict: Ground) -> None:
    answer = httpx.get(f"{strict.url}/console/login", headers={"host": "console.example"})
    assert answer.status_code == 200


def test_two_hosts_are_none(ground: Ground) -> None:
    host, port = ground.router.addresses["admin_http"].split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(b"GET /console/login HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\n\r\n")
        assert b" 400 " in connection.recv(100)


def test_every_answer_has_every_header(ground: Ground, operator: Visitor) -> None:
    csrf = operator.csrf(page("try"))
    with visiting(ground.url) as stranger:
        answers = {
            200: [operator.get(page(name)) for name in PAGES] + [stranger.get("/console/login")],
            303: [stranger.get(page("keys")), stranger.get("/"), stranger.get("/console")],
            400: [operator.get(page("keys"), host="evil.example"), operator.http.post("/console/try", content=b"{}")],
            401: [stranger.log_in("wrong"), stranger.get(page("keys"), x_console_refresh="1")],
            403: [operator.post("/console/try", "")],
            404: [operator.get("/console/nothing"), operator.get("/consoles"), operator.get("/console/static/x.js")],
            405: [
                operator.http.put("/console/keys"),
                operator.post("/console/keys", csrf),
                operator.get("/console/logout"),
            ],
        }
    for status, found in answers.items():
        for answer in found:
            assert answer.status_code == status, answer.url
            assert HEADERS.items() <= dict(answer.headers).items(), answer.url
            assert answer.headers["cache-control"] == "no-store", answer.url
            assert "permissions-policy" in answer.headers


def test_files_of_the_pages_may_be_kept_for_ever(operator: Visitor) -> None:
    names = re.findall(r'(?:href|src)="(/console/static/[^"]+)"', operator.get(page("")).text)
    assert names
    for name in names:
        answer = operator.get(name)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert HEADERS.items() <= dict(answer.headers).items()


def test_no_page_has_a_secret(ground: Ground, operator: Visitor) -> None:
    """Not those in use, not those of headers, and nothing of what calls said."""
    key, _ = ground.key("caller", tenant="canary-tenant")
    asked = [ground.ask(model, key, "content-canary-1b7e") for model in ("fast", "broken")]
    texts = [operator.get(page(name)).text for name in PAGES]
    texts += [operator.get(f"/console/call?id={request_id}").text for request_id in asked]
    texts.append(operator.get("/console/login").text)
    assert any("canary-tenant" in text for text in texts)
    session = operator.http.cookies["hedgerow-console"]
    for secret in (KEY, OPERATOR, PEPPER, CLIENT_SECRET, HEADER_CANARY, key, session, "content-canary-1b7e"):
        assert not any(secret in text for text in texts)


def test_a_call_is_found_in_memory_and_later_in_the_ledger(ground: Ground, operator: Visitor) -> None:
    key, _ = ground.key("caller")
    request_id = ground.ask("fast", key)
    first = operator.get(f"/console/call?id={request_id}")
    assert first.status_code == 200
    for _ in range(10):
        ground.ask("fast", key)

    def told() -> bool:
        answer = operator.get(f"/console/call?id={request_id}")
        return answer.status_code == 200 and "ledger" in answer.text

    eventually(told, "the ledger has the call")
    assert operator.get("/console/call?id=nobody-made-this").status_code == 404


def test_without_all_tenants_a_role_is_shown_the_calls_of_its_own(ground: Ground, visitor: Visitor) -> None:
    theirs, ours = ground.key("caller", tenant="globex")[0], ground.key("caller", tenant="acme")[0]
    hidden, shown = ground.ask("broken", theirs), ground.ask("broken", ours)
    visitor.log_in(ground.key("accountant", tenant="acme")[0])
    for name in ("calls", "errors"):
        text = visitor.get(page(name)).text
        assert "globex" not in text
        assert hidden not in text
    assert visitor.get(f"/console/call?id={shown}").status_code == 200
    assert visitor.get(f"/console/call?id={hidden}").status_code == 404


def test_a_prompt_is_explained_for_models_that_the_role_allows(ground: Ground, visitor: Visitor) -> None:
    visitor.log_in(ground.key("narrow")[0])
    csrf = visitor.csrf(page("try"))
    assert "gpt-4o-mini" in visitor.post("/console/try", csrf, model="fast", prompt="hello").text
    refused = visitor.post("/console/try", csrf, model="broken", prompt="hello").text
    assert "PERMISSION_DENIED" in refused
    assert "sim-400" not in refused


def test_logins_and_logouts_are_in_the_audit_log_and_strangers_are_not(ground: Ground, visitor: Visitor) -> None:
    key, _ = ground.key("operator", tenant="audited")
    visitor.log_in("hk_wrong")
    visitor.log_in(key)
    visitor.post("/console/logout", visitor.csrf(page("keys")))

    def rows() -> list[tuple[str, str]]:
        with ground.admin() as admin:
            found = [row for row in admin.list_audit_rows() if "audited" in row.who]
        return [(row.action, row.outcome) for row in found if row.action.startswith("Console")]

    eventually(lambda: len(rows()) == 2, "both rows are there")
    assert rows() == [("ConsoleLogin", "OK"), ("ConsoleLogout", "OK")]
    with ground.admin() as admin:
        assert not any("hk_wrong" in f"{row.who}{row.detail}" for row in admin.list_audit_rows())
