"""`hedgerow version`: what is installed."""

import platform


def version() -> None:
    """Print the versions of this command and of what it stands on."""
    from importlib.metadata import version as installed

    from hedgerow_client.version import VERSION

    print(f"hedgerow {VERSION}")
    print(f"grpcio {installed('grpcio')}, protobuf {installed('protobuf')}, Python {platform.python_version()}")
