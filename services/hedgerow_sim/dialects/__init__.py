"""One file a dialect: how a provider's requests are read and its answers written."""
