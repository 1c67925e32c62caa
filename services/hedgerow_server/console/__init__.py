"""The admin page: what operators see of a running router in a browser."""
