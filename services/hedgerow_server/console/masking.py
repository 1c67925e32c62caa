"""Keeps secrets off the pages. The configuration has none where it is written as it should be; these are for the day
when somebody has put one in the wrong place, or a provider repeats a key in its words.
"""

import html
import re
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from hedgerow_server.core.secret import Secret
from hedgerow_server.credentials.lease import HeldLease

MASK = "••••"
_SECRET = re.compile(
    r"(^|[_-])(password|passwd|passphrase|secret|token|credentials?|api[_-]?key|private[_-]?key|mac_key|pepper"
    r"|authorization|cookie)s?($|[_-])"
)
"""Keys whose text is a secret, unless it is the name of an entry of `credentials`."""
_WHOLE = frozenset({"headers", "phrases"})
"""Keys under which every text is hidden: headers authenticate, and what an answer must not say is nobody's to read."""
_MIN_SECRET_CHARS = 8


def masked(value: object, credentials: Collection[str], *, key: str = "", below: str = "") -> object:
    """Plain values of a configuration without what may be secret. `key` is the value's own, `below` the one above."""
    if isinstance(value, Mapping):
        whole = key in _WHOLE
        return {
            name: MASK if whole else masked(one, credentials, key=str(name), below=key) for name, one in value.items()
        }
    if isinstance(value, list | tuple):
        return [MASK if key in _WHOLE else masked(one, credentials, key=key, below=below) for one in value]
    if not isinstance(value, str):
        return value
    if _SECRET.search(key) and value not in credentials:
        return MASK
    if "://" in value:
        return _url(value, whole=below == "webhook")
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


def secrets_of(leases: Mapping[str, HeldLease]) -> frozenset[Secret]:
    """The secrets that are in use."""
    return frozenset(one for held in leases.values() for one in held.all_secrets())


def without(secrets: Collection[Secret], page: str) -> str:
    """A page of HTML without some secrets, wherever they may have come from. Those that any word may have in it stay:
    the router takes none that is so short for itself.
    """
    for secret in secrets:
        plain = secret.reveal()
        if len(plain) >= _MIN_SECRET_CHARS:
            for form in {plain, html.escape(plain)}:
                if form in page:
                    page = page.replace(form, MASK)
    return page
