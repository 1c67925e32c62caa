"""Numbers, traces and lines out."""
