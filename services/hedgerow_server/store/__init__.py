"""The one database room: connections, schema, and what is kept there."""
