"""`python -m hedgerow_server`: serve, check a configuration, print its JSON Schema, probe and record providers."""

import sys

from hedgerow_server.core.slices import collector_paused


def main() -> int:
    """Runs one command; returns its exit status."""
    # Without a collector that looks for garbage among modules, which is a fifth of the time.
    with collector_paused():
        from hedgerow_server.command import run
    return run()


if __name__ == "__main__":
    sys.exit(main())
