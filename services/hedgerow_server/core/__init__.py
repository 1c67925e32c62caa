"""The domain. Knows no transport, no protobuf and no other room; imports the standard library and msgspec only."""
