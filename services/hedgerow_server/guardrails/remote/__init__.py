"""Guards that run elsewhere and speak the gateway's own protocol."""

from hedgerow_server.guardrails.remote.section import RemoteServiceGuardSection
from hedgerow_server.guardrails.remote.service import RemoteServiceGuard

__all__ = ["RemoteServiceGuard", "RemoteServiceGuardSection"]
