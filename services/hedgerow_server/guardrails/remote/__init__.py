"""Guards that run elsewhere and speak the gateway's own protocol."""
