"""Which pages a role opens, and under which names the console answers."""

import pytest
from hedgerow_server.console import access
from hedgerow_server.console.render import NAVIGATION
from hedgerow_server.console.section import ConsoleSection, OidcSection
from hedgerow_server.core.access import Access, Grant, Names
from hedgerow_server.core.call import Principal
from hedgerow_server.endpoints import ADMIN_SERVICES, SERVICES
from pydantic import ValidationError


def principal(*rpcs: str, all_tenants: bool = False) -> Principal:
    """Somebody who may call some RPCs."""
    return Principal("acme", access=Access((Grant(Names(rpcs), all_tenants=all_tenants),)))


def test_every_section_of_the_navigation_stands_for_an_rpc_of_the_router() -> None:
    assert [section for section, _, _ in NAVIGATION] == list(access.SECTIONS)
    for rpc in access.SECTIONS.values():
        assert rpc.partition("/")[0] in (*SERVICES, *ADMIN_SERVICES)


@pytest.mark.parametrize("section", sorted(access.SECTIONS))
def test_the_rpc_of_a_section_is_what_it_takes_to_see_it(section: str) -> None:
    """And of all others with the same RPC, but of no further one."""
    rpc = access.SECTIONS[section]
    shown = set(access.SECTIONS) - access.hidden(principal(rpc.rpartition(".")[2]))
    assert shown == {one for one, needed in access.SECTIONS.items() if needed == rpc}


def test_a_caller_of_the_callers_door_alone_does_not_enter() -> None:
    everything = ("ChatService/*", "EmbedService/*", "RouterService/*", "UsageService/*")
    assert not access.may_enter(principal(*everything))
    assert not access.may_enter(principal())
    assert not access.may_enter(principal("AdminService/RevokeKey"))
    assert access.may_enter(principal("AdminService/ListKeys"))


def test_only_all_tenants_tells_of_every_tenant() -> None:
    assert access.tenant_of(principal("UsageService/GetCall"), access.GET_CALL) == "acme"
    assert access.tenant_of(principal("UsageService/GetCall", all_tenants=True), access.GET_CALL) is None
    assert access.tenant_of(principal("UsageService/Other", all_tenants=True), access.GET_CALL) == "acme"
    assert access.tenant_of(Principal("acme"), access.GET_CALL) == "acme"


KNOWN = ["localhost", "127.0.0.1:50053", "127.9.9.9", "[::1]:50053", "[::1]", "LocalHost:1"]
UNKNOWN = ["", "evil.example", "localhost.evil.example", "localhost:80:80", "[::1", "[::1]x", "localhost:x", "10.0.0.1"]


@pytest.mark.parametrize("host", KNOWN)
def test_this_machine_s_names_are_known(host: str) -> None:
    assert access.Hosts("127.0.0.1:50053", ConsoleSection()).knows(host)


@pytest.mark.parametrize("host", UNKNOWN)
def test_other_names_are_not(host: str) -> None:
    assert not access.Hosts("127.0.0.1:50053", ConsoleSection(public_url="https://a.example")).knows(host)


def test_the_public_host_and_where_the_door_listens_are_known() -> None:
    hosts = access.Hosts("10.1.2.3:50053", ConsoleSection(public_url="https://A.example:8443"))
    assert all(map(hosts.knows, ("a.example", "a.example:8443", "10.1.2.3:50053")))
    assert not hosts.knows("10.1.2.4")
    assert access.Hosts("node-7.internal:50053", ConsoleSection()).knows("node-7.internal")


def test_where_the_door_listens_on_every_address_each_is_known_but_no_name() -> None:
    """An address in the place of a name cannot be made to lead elsewhere."""
    for listen in ("0.0.0.0:50053", "[::]:50053"):
        hosts = access.Hosts(listen, ConsoleSection())
        assert hosts.knows("10.0.0.1:50053")
        assert hosts.knows("[2001:db8::1]")
        assert not hosts.knows("evil.example")


OIDC = OidcSection(issuer="https://login.example", client_id="console")


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ({"oidc": OIDC}, "expected public_url beside oidc"),
        ({"oidc": OIDC, "public_url": "http://10.0.0.1"}, "expected https in public_url"),
        ({"with_key": False}, "nobody could log in"),
        ({"public_url": "https://a.example/path"}, "public_url"),
        ({"public_url": "https://user:password@a.example"}, "public_url"),
    ],
    ids=["no way back", "codes in the clear", "no way in", "a path", "a login in the URL"],
)
def test_a_section_that_cannot_work_is_refused(section: dict[str, object], expected: str) -> None:
    with pytest.raises(ValidationError, match=expected):
        ConsoleSection.model_validate(section)
