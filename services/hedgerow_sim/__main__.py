"""`python -m hedgerow_sim`: see `--help`."""

from hedgerow_sim.cli import app

app(prog_name="hedgerow-sim")
