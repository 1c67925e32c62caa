"""The router: one process that serves typed Chat and Embed services and fans out to LLM providers."""
