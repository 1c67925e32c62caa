"""The entry point of the command `hedgerow`."""

import os
import sys


def main() -> None:
    """Runs the command line. Without the extra `cli`, says how to get it and exits with 1."""
    try:
        from hedgerow_client.cli.verbs import build  # the extra may be missing
    except ModuleNotFoundError as error:
        if error.name not in {"typer", "rich", "click"}:
            raise
        sys.exit(f"The command line needs {error.name}: pip install 'hedgerow-client[cli]'")
    # What gRPC's core logs to stderr, such as a lost connection, is told by the error of the call.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    build()()


if __name__ == "__main__":
    main()
