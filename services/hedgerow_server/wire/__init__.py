"""Between the contract's messages and the core types: the only room that knows the generated code."""

# Imported for its descriptor: reflection serves it, so that tools can tell which reasons there are.
from hedgerow.errors.v1 import error_reason_pb2  # noqa: F401
