"""What is around a login: cookies, tokens against forged forms, where to go afterwards, how often may be tried."""

import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from hedgerow_server.console.section import ConsoleSection

LOGIN_S = 600
"""How long a login may take, from its page to its end."""
_RANDOM_BYTES = 32
_MAX_NEXT = 1024
_WINDOW_S = 60.0
_ADDRESSES = 10_000
HOME = "/console/"


class Cookies:
    """The two cookies: of the session, and of a login that is under way.

    Over https their names begin with `__Host-`: no other host of the domain, and nobody on the way, can set them. The
    session's is not sent from other sites at all, unless an OpenID provider has to send people back.
    """

    def __init__(self, section: ConsoleSection) -> None:
        self._secure = section.secure
        prefix, self._path = ("__Host-", "/") if section.secure else ("", "/console")
        self._session, self._login = f"{prefix}hedgerow-console", f"{prefix}hedgerow-console-login"
        self._lax = section.oidc is not None

    def session_id(self, request: Request) -> str:
        """The id of the session; empty without one."""
        return request.cookies.get(self._session, "")

    def login_id(self, request: Request) -> str:
        """What tells the browser of a login; empty without one."""
        return request.cookies.get(self._login, "")

    def begin(self, response: Response) -> str:
        """Marks a browser whose login begins; gives the mark."""
        login_id = secrets.token_urlsafe(_RANDOM_BYTES)
        self._set(response, self._login, login_id, lax=True, max_age_s=LOGIN_S)
        return login_id

    def log_in(self, response: Response, session_id: str) -> None:
        """Gives a browser its session; its login is over."""
        self._set(response, self._session, session_id, lax=self._lax)
        self._set(response, self._login, "", lax=True, max_age_s=0)

    def log_out(self, response: Response) -> None:
        """Takes the session away."""
        self._set(response, self._session, "", lax=self._lax, max_age_s=0)

    def _set(self, response: Response, name: str, value: str, *, lax: bool, max_age_s: int | None = None) -> None:
        response.set_cookie(
            name,
            value,
            max_age=max_age_s,
            path=self._path,
            secure=self._secure,
            httponly=True,
            samesite="lax" if lax else "strict",
        )


class FormTokens:
    """Tokens in the form of a login, for which there is no session yet: each goes with the cookie of its browser."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(_RANDOM_BYTES)

    def token(self, login_id: str) -> str:
        """The token that belongs to a cookie."""
        return hmac.new(self._key, login_id.encode(), "sha256").hexdigest()

    def good(self, login_id: str, token: str) -> bool:
        """Whether a form came from the page that the browser was given."""
        return bool(login_id) and same(self.token(login_id), token)


def same(one: str, other: str) -> bool:
    """Whether two texts are the same, in a time that does not tell."""
    return hmac.compare_digest(one.encode(), other.encode())


def from_here(request: Request) -> bool:
    """Whether a form was sent by a page of the console, as far as the browser says (W3C Fetch Metadata). `Origin` does
    not say: without a referrer browsers send "null".
    """
    return request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")


def safe_next(path: str) -> str:
    """Where to go after a login: a page of the console and nowhere else; empty for anything that is none."""
    if len(path) > _MAX_NEXT or not path.startswith(HOME) or not (path.isascii() and path.isprintable()):
        return ""
    try:
        split = urlsplit(path)
    except ValueError:
        return ""
    fine = not split.scheme and not split.netloc and "\\" not in path and ".." not in split.path
    return path if fine and not split.path.startswith(("/console/login", "/console/logout")) else ""


class _Window(msgspec.Struct):
    ends_s: float
    failures: int = 0


class Attempts:
    """Counts logins that fail, by the address that they come from."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        """At most `most` in a minute."""
        self._most = most
        self._clock = clock
        self._windows: OrderedDict[str, _Window] = OrderedDict()

    def wait_s(self, address: str) -> float:
        """How long an address has to wait before its next try; 0: it need not."""
        window = self._windows.get(address)
        left_s = window.ends_s - self._clock() if window is not None else 0.0
        return left_s if window is not None and left_s > 0 and window.failures >= self._most else 0.0

    def failed(self, address: str) -> None:
        """A try has failed."""
        now_s = self._clock()
        window = self._windows.get(address)
        if window is None or now_s >= window.ends_s:
            window = self._windows[address] = _Window(now_s + _WINDOW_S)
            self._windows.move_to_end(address)
            if len(self._windows) > _ADDRESSES:
                self._windows.popitem(last=False)
        window.failures += 1
