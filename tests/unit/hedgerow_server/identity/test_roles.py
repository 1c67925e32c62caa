"""What roles, lists and several credentials come to."""

import pydantic
import pytest
from hedgerow_server.core.call import Call, Principal
from hedgerow_server.core.error import Forbidden
from hedgerow_server.identity.roles import ACT_FOR, Roles, acting, both, narrowed
from hedgerow_server.identity.section import RoleSection
from unit.hedgerow_server.calls import method

CHAT = "hedgerow.chat.v1.ChatService/Complete"
SECTIONS = {
    "app": RoleSection(models=("fast",), regions=("eu", "us")),
    "eu": RoleSection(regions=("eu",)),
    "agent": RoleSection(act_for=True),
    "boss": RoleSection(admin=("*",)),
    "all": RoleSection(),
}


def call(**metadata: str) -> Call:
    """A call of Complete."""
    return Call(method(name=CHAT), {name.replace("_", "-"): value for name, value in metadata.items()}, b"")


def test_a_role_for_callers_does_not_open_the_admin_door() -> None:
    access = Roles(SECTIONS).granted(["all"]).access
    assert access is not None
    assert access.allows(CHAT, "anything")
    assert not access.allows("hedgerow.admin.v1.AdminService/CreateKey")


def test_regions_narrow_whatever_else_a_role_allows() -> None:
    assert Roles(SECTIONS).granted(["app", "eu", "all"]).regions == {"eu"}
    assert Roles(SECTIONS).granted(["all"]).regions == frozenset()


def test_regions_that_exclude_each_other_leave_no_caller_rather_than_every_region() -> None:
    with pytest.raises(Forbidden):
        Roles(SECTIONS).granted(["eu"], regions=["us"])
    with pytest.raises(Forbidden):
        narrowed(frozenset({"eu"}), frozenset({"us"}))


def test_where_there_are_roles_a_caller_without_one_may_do_nothing() -> None:
    access = Roles(SECTIONS).granted([]).access
    assert access is not None
    assert not access.allows(CHAT)
    assert Roles({}).granted([]).access is None


def test_the_default_roles_are_for_callers_without_others() -> None:
    roles = Roles(SECTIONS, ("app",))
    assert roles.granted([]).roles == ("app",)
    assert roles.granted(["eu"]).roles == ("eu",)
    assert roles.granted(["gone"]).roles == ()


def test_a_certificate_and_a_bearer_make_one_caller() -> None:
    service = Principal("acme", service="web", method="mtls", regions=frozenset({"eu", "us"}))
    user = Principal("acme", user="ann", service="x", method="jwt", regions=frozenset({"eu"}))
    found = both(service, user)
    assert (found.user, found.service, found.method, found.regions) == ("ann", "web", "mtls+jwt", frozenset({"eu"}))
    with pytest.raises(Forbidden):
        both(service, Principal("globex"))


def principal(role: str) -> Principal:
    """A service with a role."""
    return Principal("acme", service="assistant", access=Roles(SECTIONS).granted([role]).access)


def test_a_service_may_call_for_a_user_where_its_role_says_so() -> None:
    found = acting(principal("agent"), call(hedgerow_act_for="bob@example.com"))
    assert (found.tenant, found.user, found.service) == ("acme", "bob@example.com", "assistant")


@pytest.mark.parametrize("role", ["app", "boss", "all"])
def test_nobody_else_may(role: str) -> None:
    with pytest.raises(Forbidden):
        acting(principal(role), call(hedgerow_act_for="bob"))
    with pytest.raises(Forbidden):
        acting(Principal("acme"), call(hedgerow_act_for="bob"))


@pytest.mark.parametrize("user", ["", " bob", "bob\n", "b" * 129, "\x00"])
def test_a_user_who_is_no_word_is_nobody(user: str) -> None:
    with pytest.raises(Forbidden):
        acting(principal("agent"), call(hedgerow_act_for=user))


def test_whoever_acts_is_named_by_what_there_is() -> None:
    access = Roles(SECTIONS).granted(["agent"]).access
    assert acting(Principal("a", user="ann", access=access), call(hedgerow_act_for="bob")).service == "ann"
    assert acting(Principal("a", key_id="k1", access=access), call(hedgerow_act_for="bob")).service == "k1"


@pytest.mark.parametrize("pattern", ["AdminService/*", "Other/*", "ChatService/Com plete", "x", ""])
def test_a_role_that_names_no_rpc_of_the_callers_door_is_an_error(pattern: str) -> None:
    with pytest.raises(pydantic.ValidationError):
        RoleSection(rpcs=(pattern,))


def test_the_name_of_the_metadata_is_that_of_the_contract() -> None:
    assert ACT_FOR == "hedgerow-act-for"


def test_lists_alone_tell_of_no_other_tenant_and_take_nothing_of_a_role_that_does() -> None:
    usage = "hedgerow.usage.v1.UsageService/QuerySpend"
    alone = Roles({}).granted((), rpcs=("UsageService/*",)).access
    assert alone is not None
    assert not alone.sees_all_tenants(usage)
    finance = Roles({"finance": RoleSection(all_tenants=True)}).granted(("finance",), rpcs=("UsageService/*",)).access
    assert finance is not None
    assert finance.sees_all_tenants(usage)
