"""What every call passes: plumbing on core types, each class a thin plug over the room of the same concern."""
