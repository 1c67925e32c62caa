"""Our secrets for the providers: fetched aside, read from memory on the request path."""
