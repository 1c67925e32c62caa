"""Several processes that serve as one: the supervisor's side and the workers' side of their connection."""
