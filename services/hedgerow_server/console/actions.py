"""What may be done from a page: switch something off and on again, and reload the configuration's file. All of it is
what an RPC of the admin door does, for whoever may call that, and leaves the same row in the audit log.
"""

from collections.abc import Mapping

from hedgerow_server.console.access import CLEAR_KILL_SWITCH, RELOAD, SET_KILL_SWITCH, allowed
from hedgerow_server.console.asking import Asking
from hedgerow_server.core.admin import ReloadRequest, SwitchRequest
from hedgerow_server.core.call import Principal
from hedgerow_server.core.error import Forbidden, RequestInvalid
from hedgerow_server.routing.kill import Scope

SCOPES = tuple(one.value for one in Scope)
_NAME_CHARS = 320
_REASON_CHARS = 1024


class Actions:
    """Does them. A console that is read-only offers none and refuses all."""

    def __init__(self, asking: Asking, *, read_only: bool) -> None:
        self._asking = asking
        self._read_only = read_only

    def may(self, who: Principal, rpc: str) -> bool:
        """Whether a page offers somebody what an RPC does."""
        return not self._read_only and allowed(who, rpc)

    async def reload(self, who: Principal, form: Mapping[str, str]) -> None:
        """Puts what the file says in force. Raises Forbidden, and what a reload raises."""
        await self._change(who, RELOAD, ReloadRequest(dry_run=False))

    async def switch(self, who: Principal, form: Mapping[str, str]) -> None:
        """Switches something off, or on again. Raises Forbidden and RequestInvalid."""
        scope, name = form.get("scope", ""), form.get("name", "").strip()
        if scope not in SCOPES or not 0 < len(name) <= _NAME_CHARS:
            raise RequestInvalid("What is to be switched is a provider, a model or a tenant, by its name.")
        if form.get("do") == "on":
            await self._change(who, CLEAR_KILL_SWITCH, SwitchRequest(scope, name))
            return
        reason = form.get("reason", "").strip()
        if not 0 < len(reason) <= _REASON_CHARS:
            raise RequestInvalid("A reason is needed: whoever comes next must know why it is off.")
        await self._change(who, SET_KILL_SWITCH, SwitchRequest(scope, name, reason))

    async def _change(self, who: Principal, rpc: str, request: object) -> None:
        if self._read_only:
            raise Forbidden("The console is read-only (console.read_only).", metadata={"method": rpc})
        await self._asking.change(who, rpc, request)
