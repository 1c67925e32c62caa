"""The pages of `samples` at their own addresses, under the console's own policy: what a browser makes of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from console import samples
from hedgerow_server.console.access import HEADERS
from hedgerow_server.console.render import Pages
from hedgerow_server.doors.http_server import HttpServer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route


class Gallery:
    """An application that shows one way of writing; `made` counts how often each path was shown."""

    def __init__(self, write: samples.Write = samples.honest) -> None:
        self.pages, self.plain = samples.pages(write), samples.plain(write)
        self.shell = samples.shell(write)
        self.made: dict[str, int] = {}
        self._render = Pages()
        routes = [Route("/console/static/{name}", self._static)]
        routes += [Route(path, self._show, methods=["GET", "POST"]) for path in (*self.pages, *self.plain)]
        self.app = Starlette(routes=routes)

    async def _show(self, request: Request) -> Response:
        path = request.url.path
        self.made[path] = self.made.get(path, 0) + 1
        if path in self.plain:
            text = self._render.plain(self.plain[path])
        else:
            text = self._render.page(self.pages[path], self.shell)
        return HTMLResponse(text, headers=HEADERS)

    async def _static(self, request: Request) -> Response:
        found = self._render.static_file(request.path_params["name"])
        if found is None:
            return Response(status_code=404)
        return Response(found[0], media_type=found[1], headers=HEADERS)


@asynccontextmanager
async def shown_at(gallery: Gallery) -> AsyncIterator[str]:
    """Serves it; yields the origin."""
    server = HttpServer(gallery.app)
    address = await server.start("127.0.0.1:0")
    try:
        yield f"http://{address}"
    finally:
        await server.stop()
