"""The cache folder for what tests fetch and build, as scripts/_env.sh finds it."""

import os
from pathlib import Path


def cache() -> Path:
    """The folder; it may not be there yet."""
    if chosen := os.environ.get("HEDGEROW_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hedgerow"
