"""From what is shown to HTML. Templates and files are read and compiled at start; a request reads nothing."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from importlib.resources import files
from urllib.parse import quote, urlencode

import jinja2

from hedgerow_server.console import charts, words
from hedgerow_server.console.shown import Failure, Login, Page, Shell

_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
_DIGEST_CHARACTERS = 12
_FILTERS: tuple[Callable[..., str], ...] = (
    *(words.about, words.ago, words.amount, words.clock, words.compact, words.count, words.day, words.money),
    *(words.share, words.spoken, words.stamp, words.took, words.when),
)

NAVIGATION = (
    ("overview", "Overview", "/console/"),
    ("calls", "Calls", "/console/calls"),
    ("routes", "Routes", "/console/routes"),
    ("errors", "Errors", "/console/errors"),
    ("spend", "Spend", "/console/spend"),
    ("keys", "Keys", "/console/keys"),
    ("credentials", "Credentials", "/console/credentials"),
    ("configuration", "Configuration", "/console/configuration"),
    ("try", "Try a prompt", "/console/try"),
)
"""The entries of the navigation: the section, what it is called, where it is."""


class Pages:
    """Makes the pages. Safe to use from several threads."""

    def __init__(self) -> None:
        self._files, self._urls = _static()
        loader = jinja2.PackageLoader("hedgerow_server.console")
        self._environment = jinja2.Environment(
            loader=loader,
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            cache_size=-1,
        )
        self._environment.filters.update({one.__name__: one for one in _FILTERS})
        self._environment.globals.update(
            charts=charts,
            call_href=call_href,
            query=query,
            twice=twice,
            navigation=NAVIGATION,
            static=self._urls.__getitem__,
        )
        for name in loader.list_templates():
            self._environment.get_template(name)

    def page(self, page: Page, shell: Shell) -> str:
        """A page of somebody who is logged in."""
        return self._render(page, shell)

    def plain(self, page: Login | Failure) -> str:
        """A page that anybody may see."""
        return self._render(page, None)

    def static_file(self, name: str) -> tuple[bytes, str] | None:
        """The content and the media type of a file, by the name in its URL; None: there is none. The name changes
        with the content, so browsers may keep it for ever.
        """
        return self._files.get(name)

    def _render(self, page: Page, shell: Shell | None) -> str:
        return self._environment.get_template(page.template).render(page=page, shell=shell)


def call_href(call_id: str) -> str:
    """Where one call is shown. A request id may be any text that its caller chose, so it is no part of the path."""
    return f"/console/call?id={quote(call_id, safe='')}"


def query(path: str, **values: str) -> str:
    """A path of the console with the values that are not empty."""
    given = {name: value for name, value in values.items() if value}
    return f"{path}?{urlencode(given)}" if given else path


def twice(names: Iterable[str]) -> list[tuple[str, str]]:
    """Choices whose values are what is shown."""
    return [(name, name) for name in names]


def _static() -> tuple[Mapping[str, tuple[bytes, str]], Mapping[str, str]]:
    """Files by the name in their URL, and URLs by the name of the file."""
    contents, urls = {}, {}
    for one in sorted(files("hedgerow_server.console").joinpath("static").iterdir(), key=lambda file: file.name):
        stem, dot, ending = one.name.rpartition(".")
        media_type = _TYPES.get(dot + ending)
        if media_type is None:
            continue
        content = one.read_bytes()
        name = f"{stem}-{hashlib.sha256(content).hexdigest()[:_DIGEST_CHARACTERS]}.{ending}"
        contents[name] = (content, media_type)
        urls[one.name] = f"/console/static/{name}"
    return contents, urls
