"""What lists and roles allow."""

import fnmatch
import time

import pytest
from hedgerow_server.core.access import Access, Grant, Names
from hypothesis import given
from hypothesis import strategies as st

CHAT, EMBED = "hedgerow.chat.v1.ChatService/Complete", "hedgerow.embed.v1.EmbedService/Embed"


@given(st.lists(st.text("ab/*", max_size=6), max_size=3), st.text("ab/", max_size=8))
def test_a_list_matches_as_globs_do(patterns: list[str], name: str) -> None:
    assert (name in Names(patterns)) == any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def test_a_hostile_pattern_takes_no_longer_than_others() -> None:
    """Backtracking would take longer than the universe has."""
    began = time.process_time()
    assert "a" * 254 not in Names(["a*" * 128 + "b"])
    assert time.process_time() - began < 0.1


def test_a_model_is_allowed_by_a_role_that_allows_the_rpc_as_well() -> None:
    """Two roles do not add up to a third one."""
    chat = Grant(Names(["ChatService/*"]), Names(["fast"]))
    embed = Grant(Names(["EmbedService/*"]), Names(["small"]))
    access = Access((chat, embed))
    assert access.allows(CHAT, "fast")
    assert access.allows(EMBED, "small")
    assert not access.allows(CHAT, "small")
    assert access.knows("small")


def test_a_list_narrows_what_roles_allow() -> None:
    access = Access((Grant(),), (Grant(None, Names(["fast"])),))
    assert access.allows(CHAT, "fast")
    assert not access.allows(CHAT, "slow")
    assert not access.knows("slow")


@pytest.mark.parametrize("access", [Access(()), Access((Grant(),), ())])
def test_a_group_without_a_grant_allows_nothing(access: Access) -> None:
    assert not access.allows(CHAT)
    assert not access.knows("fast")
    assert not access.may_act_for(CHAT)


def test_two_accesses_together_allow_what_both_allow() -> None:
    both = Access((Grant(act_for=True),)).narrowed(Access((Grant(Names(["ChatService/*"]), act_for=False),)))
    assert both.allows(CHAT)
    assert not both.allows(EMBED)
    assert not both.may_act_for(CHAT)


def test_every_tenant_is_seen_by_a_role_that_says_so_and_opens_the_rpc() -> None:
    usage, chat = "hedgerow.usage.v1.UsageService/QuerySpend", Grant(Names(["ChatService/*"]), all_tenants=True)
    assert Access((Grant(all_tenants=True),)).sees_all_tenants(usage)
    assert not Access((Grant(),)).sees_all_tenants(usage)
    # One role opens the RPC, another one has the right for others: that does not add up.
    assert not Access((chat, Grant(Names(["UsageService/*"])))).sees_all_tenants(usage)
    assert not Access((Grant(all_tenants=True),)).narrowed(Access((Grant(),))).sees_all_tenants(usage)
