"""The catalogue's section of the configuration."""

from pathlib import Path

import pydantic

from hedgerow_server.config.model import Section


class CatalogueSection(Section):
    """What is known of the providers' models beside what comes with the router; see models.md."""

    files: tuple[Path, ...] = pydantic.Field(default=(), max_length=64)
    """Files that add models to the catalogue and change facts of those that are in it; a later file overrides an
    earlier one. A file that changes is read again while the router runs; one that then cannot be used leaves what it
    said before in force."""
