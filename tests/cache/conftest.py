"""Routers with caches."""

from rpc.conftest import door_fixture, start_router  # noqa: F401  (fixtures)
