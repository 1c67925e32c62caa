"""The transports to the providers: send bytes, get status, headers and chunks, close."""
