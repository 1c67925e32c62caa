"""`python -m hedgerow_server.health`: asks a running router whether calls should come to it. Made for the health check
of a container: it loads nothing of the router.
"""

import argparse
import http.client
import sys

DEFAULT_ADDRESS = "127.0.0.1:50053"
"""Where the admin HTTP door listens unless the configuration says otherwise."""
_TIMEOUT_S = 4.0
_MOST_BYTES = 64 * 1024


def ask(address: str, timeout_s: float = _TIMEOUT_S) -> tuple[bool, str]:
    """Whether the router whose admin HTTP door is at HOST:PORT is ready, and what it says. One that does not answer
    within the time is not.
    """
    connection = http.client.HTTPConnection(address, timeout=timeout_s)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return answer.status == http.client.OK, answer.read(_MOST_BYTES).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        return False, f"no answer from {address}: {error or type(error).__name__}"
    finally:
        connection.close()


def main(arguments: list[str] | None = None) -> int:
    """Prints what the router says; returns 0 where it is ready, else 1."""
    parser = argparse.ArgumentParser(
        prog="python -m hedgerow_server.health",
        description="Asks a router on its admin HTTP door whether it is ready. The exit status is 0 if it is, else 1.",
    )
    parser.add_argument("address", nargs="?", default=DEFAULT_ADDRESS, help=f"HOST:PORT; else {DEFAULT_ADDRESS}")
    ready, told = ask(parser.parse_args(arguments).address)
    sys.stdout.write(f"{told}\n")
    return 0 if ready else 1


if __name__ == "__main__":
    sys.exit(main())
