"""What takes long to import and few configurations need: imported when one does, and not with the first call of it."""

from importlib import import_module

from hedgerow_server.settings import Settings


def load(settings: Settings) -> None:
    """Imports what a configuration needs. For a thread: on the event loop calls would wait for it."""
    for name in sorted(_needed(settings)):
        import_module(name)


def _needed(settings: Settings) -> set[str]:
    found = {f"hedgerow_server.providers.http.{one.transport}" for one in settings.providers.values()}
    if settings.identity.jwt is not None:
        found.add("hedgerow_server.identity.jwt")
    if settings.cache.semantic is not None:
        found |= {"hedgerow_server.caching.vectors", "usearch.index"}
    if settings.server.http is not None and any(one.kind != "chat" for one in settings.routes.values()):
        found.add("hedgerow_server.wire.openai.floats")
    return found
