"""Values of a configuration as they may be shown. It has no secret where it is written as it should be; this is for the
day when somebody has put one in the wrong place, and for what is nobody else's to read.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from urllib.parse import urlsplit

MASK = "••••"
"""Stands for what is not shown."""
_SECRET = re.compile(
    r"(^|[_-])(password|passwd|passphrase|secret|token|credentials?|api[_-]?key|private[_-]?key|mac_key|pepper"
    r"|authorization|cookie)s?($|[_-])"
)
"""Keys whose text is a secret, unless it is the name of an entry of `credentials`."""
_WHOLE = frozenset({"headers", "phrases"})
"""Keys under which every value is hidden: headers authenticate, and what an answer must not say is nobody's to read."""
_WEBHOOK = "webhook"


def masked(value: object, credentials: Collection[str], path: Sequence[str] = ()) -> object:
    """Plain values without what may be secret: texts under keys that say so, values of headers, logins and queries of
    URLs, paths of webhooks. `path`: the keys under which the value stands; `credentials`: names that are no secrets.
    """
    if isinstance(value, Mapping):
        return {name: masked(one, credentials, (*path, str(name))) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [masked(one, credentials, path) for one in value]
    if not _WHOLE.isdisjoint(path):
        return MASK
    if not isinstance(value, str):
        return value
    if path and _SECRET.search(path[-1]) and value not in credentials:
        return MASK
    if "://" in value:
        return _url(value, whole=any(_WEBHOOK in key for key in path))
    return value


def _url(url: str, *, whole: bool) -> str:
    """A URL without a login, a query and a fragment; `whole`: without its path, too, since those of webhooks are
    secrets at many services.
    """
    try:
        split = urlsplit(url)
    except ValueError:
        return MASK
    host = split.netloc.rpartition("@")[2]
    if host != split.netloc:
        host = f"{MASK}@{host}"
    path = f"/{MASK}" if whole and split.path.strip("/") else split.path
    return f"{split.scheme}://{host}{path}" + (f"?{MASK}" if split.query or split.fragment else "")
