"""Our RPCs: core request in, core events out."""
