"""What is asked of Vault, through hvac. Whatever fails becomes a VaultFault with a text of our own."""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

import hvac
import hvac.adapters
import msgspec
import requests

from hedgerow_server.core.secret import Secret
from hedgerow_server.credentials.vault.fault import Trouble, VaultFault, by_health, by_status
from hedgerow_server.credentials.vault.section import VaultSection

_Call = Callable[[], Any]
_MAX_LEASE_S = 10 * 365 * 86_400.0


class Auth(msgspec.Struct, frozen=True):
    """A token, and how long it lives."""

    token: Secret
    ttl_s: float
    """Seconds from now on; 0: for ever."""
    renewable: bool
    own: bool = True
    """Whether it is ours to revoke: a login gave it."""


class Grant(msgspec.Struct, frozen=True):
    """A secret of a dynamic engine, and its lease."""

    data: Mapping[str, Any]
    lease_id: str
    ttl_s: float
    renewable: bool

    def __repr__(self) -> str:
        return f"Grant({self.ttl_s:g} s)"


class Version(msgspec.Struct, frozen=True):
    """Which version of a KV secret is the present one. A secret that was deleted and made again counts from 1 again."""

    number: int
    updated: str


class Api:
    """One connection to Vault. For one thread."""

    def __init__(self, section: VaultSection) -> None:
        """Connects to nothing yet."""
        proxies = {"http": section.proxy, "https": section.proxy} if section.proxy is not None else {}
        session = requests.Session()
        # Neither proxies nor authorities nor passwords (.netrc) of the environment.
        session.trust_env = False
        session.verify = str(section.ca_file) if section.ca_file is not None else True
        session.proxies = proxies
        self._timeout_s = section.timeout_seconds
        self._client: Any = hvac.Client(
            url=section.address,
            token="",
            cert=(),
            verify=session.verify,
            timeout=section.timeout_seconds,
            proxies=proxies,
            # A redirect would carry the token to another host.
            allow_redirects=False,
            session=session,
            adapter=hvac.adapters.RawAdapter,
            namespace=section.namespace,
            ignore_exceptions=True,
        )

    def use(self, token: Secret | None) -> None:
        """Sends this token from now on."""
        self._client.token = token.reveal() if token is not None else ""

    def close(self) -> None:
        """Closes the connection."""
        self._client.adapter.close()

    def login_approle(self, mount: str, role_id: Secret, secret_id: Secret) -> Auth:
        """Logs in with AppRole."""
        login = self._client.auth.approle.login
        return self._login(
            lambda: login(role_id.reveal(), secret_id.reveal(), use_token=False, mount_point=mount),
            f"the login with AppRole at auth/{mount}",
        )

    def login_kubernetes(self, mount: str, role: str, token: Secret) -> Auth:
        """Logs in with the token of a service account."""
        login = self._client.auth.kubernetes.login
        return self._login(
            lambda: login(role, token.reveal(), use_token=False, mount_point=mount),
            f"the login with Kubernetes at auth/{mount}",
        )

    def login_jwt(self, mount: str, role: str, token: Secret) -> Auth:
        """Logs in with a JWT."""
        login = self._client.auth.jwt.jwt_login
        return self._login(
            lambda: login(role, token.reveal(), use_token=False, path=mount), f"the login with a JWT at auth/{mount}"
        )

    def look_up(self, token: Secret) -> Auth:
        """What Vault knows of the token that is in use."""
        data = self._data(self._client.auth.token.lookup_self, "looking up our token")
        return Auth(token, _seconds(data.get("ttl")), bool(data.get("renewable")), own=False)

    def renew(self, auth: Auth) -> Auth:
        """Renews the token that is in use."""
        answer = self._json(self._client.auth.token.renew_self, "renewing our token")
        return msgspec.structs.replace(_auth(answer), token=auth.token, own=auth.own)

    def revoke_token(self) -> None:
        """Ends the token that is in use, and every lease that was made with it."""
        self._done(self._client.auth.token.revoke_self, "revoking our token")

    def wraps(self, token: Secret) -> str:
        """The path whose answer a wrapping token holds."""
        adapter = self._client.adapter
        data = self._data(
            lambda: adapter.post("/v1/sys/wrapping/lookup", json={"token": token.reveal()}), "the wrapped secret ID"
        )
        return str(data.get("creation_path", ""))

    def unwrap_secret_id(self, token: Secret) -> Secret:
        """The secret ID in a wrapping token, which is used up by that."""
        # A wrapping token is the token of the very request that unwraps it.
        self.use(token)
        data = self._data(self._client.sys.unwrap, "the wrapped secret ID")
        self.use(None)
        secret_id = data.get("secret_id")
        if not isinstance(secret_id, str) or not secret_id:
            raise VaultFault(Trouble.INVALID, "the wrapping token holds no secret ID")
        return Secret(secret_id)

    def version(self, mount: str, path: str) -> Version:
        """The present version of a KV secret."""
        read = self._client.secrets.kv.v2.read_secret_metadata
        data = self._data(lambda: read(path, mount_point=mount), f"reading the metadata of {mount}/{path}")
        return Version(int(data.get("current_version") or 0), str(data.get("updated_time", "")))

    def read_kv(self, mount: str, path: str) -> tuple[Mapping[str, Any], float | None]:
        """The present version of a KV secret, and when it was written (Unix time, None: Vault does not say)."""
        read = self._client.secrets.kv.v2.read_secret_version
        data = self._data(
            lambda: read(path, mount_point=mount, raise_on_deleted_version=True), f"reading {mount}/{path}"
        )
        fields = data.get("data")
        if not isinstance(fields, dict):
            raise VaultFault(Trouble.MISSING, f"the present version of {mount}/{path} was deleted")
        metadata = data.get("metadata")
        return fields, _unix_s(metadata.get("created_time") if isinstance(metadata, dict) else None)

    def obtain(self, path: str, parameters: Mapping[str, str]) -> Grant:
        """A new lease."""
        client = self._client

        def ask() -> object:
            return client.write_data(path, data=dict(parameters)) if parameters else client.read(path)

        what = f"a lease of {path}"
        answer = self._json(ask, what)
        data, lease_id = answer.get("data"), answer.get("lease_id")
        if not isinstance(data, dict) or not isinstance(lease_id, str) or not lease_id:
            raise VaultFault(Trouble.INVALID, f"{path} gives no lease: is it a dynamic engine?")
        return Grant(data, lease_id, _seconds(answer.get("lease_duration")), bool(answer.get("renewable")))

    def renew_lease(self, grant: Grant, path: str) -> Grant:
        """The same with a new life."""
        renew = self._client.sys.renew_lease
        answer = self._json(lambda: renew(grant.lease_id), f"renewing the lease of {path}")
        ttl_s, renewable = _seconds(answer.get("lease_duration")), bool(answer.get("renewable"))
        return msgspec.structs.replace(grant, ttl_s=ttl_s, renewable=renewable)

    def revoke_lease(self, lease_id: str, path: str) -> None:
        """Ends a lease."""
        self._done(lambda: self._client.sys.revoke_lease(lease_id), f"revoking the lease of {path}")

    def _login(self, call: _Call, what: str) -> Auth:
        try:
            return _auth(self._json(call, what))
        except VaultFault as fault:
            # A wrong role or secret ID, an unknown role, a bad JWT: Vault says 400 to all of them.
            trouble = Trouble.DENIED if fault.trouble is Trouble.INVALID else fault.trouble
            raise VaultFault(trouble, f"Vault refuses {what}" if trouble is Trouble.DENIED else str(fault)) from None

    def _data(self, call: _Call, what: str) -> dict[str, Any]:
        data = self._json(call, what).get("data")
        if not isinstance(data, dict):
            raise VaultFault(Trouble.INVALID, f"Vault gave no data for {what}")
        return data

    def _json(self, call: _Call, what: str) -> dict[str, Any]:
        response = self._done(call, what)
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise VaultFault(Trouble.AWAY, "what stands at Vault's address does not answer as Vault does")
        return answer

    def _done(self, call: _Call, what: str) -> requests.Response:
        response: requests.Response = self._sent(call)
        status = response.status_code
        if 200 <= status < 300:
            return response
        raise by_status(status, what) or by_health(status, self._health(), what)

    def _health(self) -> int | None:
        try:
            response: requests.Response = self._sent(lambda: self._client.sys.read_health_status(method="GET"))
        except VaultFault:
            return None
        return response.status_code

    def _sent(self, call: _Call) -> Any:
        try:
            return call()
        except requests.exceptions.Timeout:
            text = f"Vault has not answered within {self._timeout_s:g} s"
        except requests.exceptions.SSLError:
            text = "Vault's certificate is not trusted"
        except requests.exceptions.ProxyError:
            text = "the proxy on the way to Vault does not let us through"
        except requests.exceptions.ConnectionError:
            text = "Vault cannot be reached"
        except (requests.exceptions.RequestException, OSError) as error:
            # Among others a file of authorities that is not there.
            text = f"the request to Vault could not be made ({type(error).__name__})"
        raise VaultFault(Trouble.AWAY, text)


def _auth(answer: Mapping[str, Any]) -> Auth:
    auth = answer.get("auth")
    token = auth.get("client_token") if isinstance(auth, dict) else None
    if not isinstance(auth, dict) or not isinstance(token, str):
        raise VaultFault(Trouble.INVALID, "Vault's answer holds no token")
    return Auth(Secret(token), _seconds(auth.get("lease_duration")), bool(auth.get("renewable")))


def _unix_s(value: object) -> float | None:
    """A time as Vault writes it, RFC 3339 with nanoseconds."""
    try:
        return dt.datetime.fromisoformat(value).timestamp() if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


def _seconds(value: object) -> float:
    return min(float(value), _MAX_LEASE_S) if isinstance(value, int | float) and value > 0 else 0.0
