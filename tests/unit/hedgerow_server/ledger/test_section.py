"""What the configuration may say of the ledger."""

import pydantic
import pytest
from hedgerow_server.ledger.section import LedgerSection
from hedgerow_server.settings import Settings, references

PROVIDERS = {"openai": {"dialect": "openai", "base_url": "https://api.openai.com/v1"}}
ROUTES = {"fast": {"kind": "chat", "candidates": [{"provider": "openai", "model": "gpt-4o-mini"}]}}
POSTGRES = {"postgres": {"host": "db", "database": "hedgerow", "user": "hedgerow"}}


def faults(**sections: object) -> list[str]:
    settings = Settings.model_validate({"providers": PROVIDERS, "routes": ROUTES, **sections})
    return [".".join(map(str, where)) for where, _ in references(settings)]


def test_a_spool_has_room_for_two_segments() -> None:
    with pytest.raises(pydantic.ValidationError, match="twice segment_bytes"):
        LedgerSection(segment_bytes=1 << 20, max_bytes=(1 << 21) - 1)


def test_a_store_on_a_server_needs_a_folder_for_the_spool() -> None:
    assert faults(store=POSTGRES) == ["ledger.spool"]
    assert faults(store=POSTGRES, ledger={"spool": "/var/lib/hedgerow/spool"}) == []
    assert faults(store=POSTGRES, ledger={"enabled": False}) == []


def test_without_a_store_nothing_is_asked_of_it() -> None:
    assert faults() == faults(store={"path": "/var/lib/hedgerow/hedgerow.db"}) == []
