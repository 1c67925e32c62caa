"""The command `hedgerow`: one file a verb. Heavy imports wait until a verb runs, so that `--help` is quick."""
