"""The process that fuzzes one target: python -m fuzz.instrumented TARGET LIBFUZZER-ARGUMENT … Needs atheris."""

import importlib
import sys

import atheris  # type: ignore[import-untyped]

# What the events go on to is imported first and so not instrumented: it is not what the search is for.
for module in ("core.fold", "doors.status", "wire.chat_events"):
    importlib.import_module(f"hedgerow_server.{module}")

with atheris.instrument_imports(include=["hedgerow_server"]):
    from fuzz.targets import TARGETS


def main() -> None:
    """Runs until libFuzzer ends the process."""
    program, name, *arguments = sys.argv
    atheris.Setup([program, *arguments], TARGETS[name]())
    atheris.Fuzz()


if __name__ == "__main__":
    main()
