"""The thin transport: HTTP/1.1 on asyncio protocols and llhttp, with no more between a dialect and its socket than the
port asks for (docs/adr/0016).

client: a request out, over a kept connection or a new one → pool: which connections there are → dial: how one comes
about → connection: bytes to an exchange → exchange: an answer as its reader sees it.
"""

from hedgerow_server.providers.http.thin.client import ThinTransport

__all__ = ["ThinTransport"]
