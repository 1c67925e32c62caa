"""A router of the next version, whose schema has one more step: `python -m money.newer serve …` as hedgerow_server."""

import runpy
from unittest.mock import patch

from hedgerow_server.store import migrations

STEP = migrations.Step(
    (
        "ALTER TABLE ledger_call ADD COLUMN next_version TEXT NOT NULL DEFAULT ''",
        "CREATE TABLE next_version (one INTEGER PRIMARY KEY)",
    )
)

if __name__ == "__main__":
    steps = (*migrations.STEPS, STEP)
    with patch.multiple(migrations, STEPS=steps, VERSION=len(steps)):
        runpy.run_module("hedgerow_server", run_name="__main__", alter_sys=True)
