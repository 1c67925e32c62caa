"""The version of this client."""

from importlib import metadata

DISTRIBUTIONS = ("hedgerow-client", "hedgerow")
"""What may have installed this package: the client alone, or the repository with the gateway."""


def _installed() -> str:
    for name in DISTRIBUTIONS:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return "unknown"


VERSION = _installed()
