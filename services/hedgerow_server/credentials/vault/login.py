"""The ways to log in to Vault."""

import re
from typing import Protocol

from hedgerow_server.core.secret import Secret
from hedgerow_server.credentials import static
from hedgerow_server.credentials.lease import SecretUnavailable, Source
from hedgerow_server.credentials.static import FileCredential
from hedgerow_server.credentials.vault.api import Api, Auth
from hedgerow_server.credentials.vault.fault import Trouble, VaultFault
from hedgerow_server.credentials.vault.section import AppRoleLogin, JwtLogin, KubernetesLogin, Login, TokenLogin

Means = tuple[Secret, ...]
"""What a login shows."""


class Method(Protocol):
    """A way to log in."""

    again_s: tuple[float, ...]
    """How long to wait before the same means are tried again after the first refusal, the second …; then the last."""

    def means(self) -> Means:
        """What to show, read anew. Raises VaultFault."""

    def log_in(self, api: Api, means: Means) -> Auth:
        """Logs in. Raises VaultFault."""


def method(section: Login) -> Method:
    """The way that the section describes."""
    match section:
        case TokenLogin():
            return _Token(section)
        case AppRoleLogin():
            return _AppRole(section)
        case KubernetesLogin() | JwtLogin():
            return _Jwt(section)


class _Token:
    again_s: tuple[float, ...] = (1.0, 2.0, 5.0)

    def __init__(self, section: TokenLogin) -> None:
        self._source = static.source(section.token)

    def means(self) -> Means:
        return (_read(self._source),)

    def log_in(self, api: Api, means: Means) -> Auth:
        (token,) = means
        api.use(token)
        return api.look_up(token)


class _Jwt:
    # What Vault asks to check the token, an API server or an issuer, may be away for a moment.
    again_s: tuple[float, ...] = (1.0, 2.0, 5.0)

    def __init__(self, section: KubernetesLogin | JwtLogin) -> None:
        self._section = section
        self._source = static.source(FileCredential(source="file", path=section.token_file))

    def means(self) -> Means:
        return (_read(self._source),)

    def log_in(self, api: Api, means: Means) -> Auth:
        section = self._section
        login = api.login_kubernetes if isinstance(section, KubernetesLogin) else api.login_jwt
        return login(section.mount, section.role, *means)


class _AppRole:
    # Vault locks a role out for a quarter of an hour after five refusals within one, and with it every gateway that
    # has it: https://developer.hashicorp.com/vault/docs/concepts/user-lockout
    again_s: tuple[float, ...] = (2.0, 300.0)

    def __init__(self, section: AppRoleLogin) -> None:
        self._mount = section.mount
        self._role_id = static.source(section.role_id)
        self._secret_id = static.source(section.secret_id)
        self._wrapped = section.wrapped
        self._unwrapped: tuple[Secret, Secret] | None = None  # a wrapping token and what was in it

    def means(self) -> Means:
        return _read(self._role_id), _read(self._secret_id)

    def log_in(self, api: Api, means: Means) -> Auth:
        role_id, given = means
        return api.login_approle(self._mount, role_id, self._unwrap(api, given) if self._wrapped else given)

    def _unwrap(self, api: Api, token: Secret) -> Secret:
        if self._unwrapped is not None and self._unwrapped[0] == token:
            return self._unwrapped[1]
        api.use(None)
        try:
            path = api.wraps(token)
            # Whoever puts a token of his own here would have us log in as somebody of his choice.
            if not re.fullmatch(rf"auth/{re.escape(self._mount)}/role/[^/]+/secret-id", path):
                raise VaultFault(
                    Trouble.DENIED, f"the wrapping token holds no secret ID of auth/{self._mount}: it is not used"
                )
            secret_id = api.unwrap_secret_id(token)
        except VaultFault as fault:
            if fault.trouble is Trouble.INVALID:
                text = "the wrapping token was unwrapped before or has expired: somebody else may have the secret ID"
                raise VaultFault(Trouble.DENIED, text) from None
            raise
        self._unwrapped = token, secret_id
        return secret_id


def _read(source: Source) -> Secret:
    try:
        return source.fetch()
    except SecretUnavailable as error:
        raise VaultFault(Trouble.DENIED, f"the login to Vault lacks a part: {error}") from None
