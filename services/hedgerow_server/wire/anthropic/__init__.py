"""Anthropic's API at our own door: JSON to core requests, core events to JSON."""
