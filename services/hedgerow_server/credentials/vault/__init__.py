"""Secrets from HashiCorp Vault or OpenBao, fetched and watched by a thread of their own."""
