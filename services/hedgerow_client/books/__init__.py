"""The gateway's book beside those of others: reading providers' usage exports, comparing, exporting."""
