"""The model catalogue: what is known of the providers' models, as data that can be renewed while the router runs."""
