"""Which RPCs and which models a caller is kept to."""

import pytest
from hedgerow_server.core.access import Access, Grant, Names
from hedgerow_server.core.call import Call, Principal
from hedgerow_server.core.error import Forbidden
from hedgerow_server.core.request import EmbedRequest, EmbedSpec, ListModelsRequest
from hedgerow_server.interceptors.auth import Auth
from hedgerow_server.interceptors.authorise import Authorise
from unit.hedgerow_server.calls import method

FAST_ONLY = Access((Grant(Names(["EmbedService/*"]), Names(["fast"])),))


class Known:
    """Everybody is one caller."""

    def __init__(self, access: Access | None) -> None:
        self._principal = Principal("acme", access=access)

    async def authenticate(self, call: Call) -> Principal:
        """That one."""
        return self._principal


def call(name: str, model: str = "") -> Call:
    """A call of an RPC, decoded already."""
    found = Call(method(name=name), {}, b"")
    found.request = EmbedRequest(spec=EmbedSpec(model=model, inputs=())) if model else ListModelsRequest(page_size=1)
    return found


async def test_an_rpc_that_is_not_the_callers_is_refused_before_its_request_is_looked_at() -> None:
    refused = call("hedgerow.chat.v1.ChatService/Complete")
    with pytest.raises(Forbidden):
        await Auth(Known(FAST_ONLY)).admit(refused)
    assert refused.principal == Principal("acme", access=FAST_ONLY)  # the line of the call says who it was
    await Auth(Known(FAST_ONLY)).admit(call("hedgerow.embed.v1.EmbedService/Embed"))
    await Auth(Known(None)).admit(call("hedgerow.chat.v1.ChatService/Complete"))


@pytest.mark.parametrize(
    ("access", "model", "allowed"), [(FAST_ONLY, "fast", True), (FAST_ONLY, "slow", False), (None, "slow", True)]
)
async def test_a_model_that_is_not_the_callers_is_refused(access: Access | None, model: str, allowed: bool) -> None:
    one = call("hedgerow.embed.v1.EmbedService/Embed", model)
    one.principal = Principal("acme", access=access)
    if allowed:
        await Authorise().admit(one)
    else:
        with pytest.raises(Forbidden):
            await Authorise().admit(one)


async def test_a_request_without_a_model_passes() -> None:
    one = call("hedgerow.router.v1.RouterService/ListModels")
    one.principal = Principal("acme", access=FAST_ONLY)
    await Authorise().admit(one)
