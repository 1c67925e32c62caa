"""Who the router may be: JWTs of an issuer of the tests, and a Kubernetes that reviews tokens."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from vault.real import served


class Issuer:
    """Signs JWTs with a key of its own."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = self._key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.public_pem = pem.decode()

    def jwt(self, **claims: Any) -> str:
        """A token for an hour."""
        now = int(time.time())
        return jwt.encode({"iss": self.name, "iat": now, "exp": now + 3600, **claims}, self._key, algorithm="RS256")

    def service_account(self, namespace: str, name: str) -> str:
        """A token as Kubernetes projects it into a pod."""
        account = {"name": name, "uid": _uid(namespace, name)}
        return self.jwt(
            aud=["vault"],
            sub=f"system:serviceaccount:{namespace}:{name}",
            **{"kubernetes.io": {"namespace": namespace, "serviceaccount": account}},
        )


def _uid(namespace: str, name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{namespace}/{name}"))


@contextmanager
def token_reviews() -> Iterator[tuple[str, dict[str, tuple[str, str]]]]:
    """The API of Kubernetes that Vault asks about tokens; yields its URL and what it knows, by token."""
    known: dict[str, tuple[str, str]] = {}

    def review(method: str, path: str, body: Any) -> tuple[int, Any]:
        if (method, path) != ("POST", "/apis/authentication.k8s.io/v1/tokenreviews"):
            return 404, None
        account = known.get(body["spec"]["token"])
        status: dict[str, Any] = {"authenticated": account is not None}
        if account is not None:
            user = {"username": "system:serviceaccount:{}:{}".format(*account), "uid": _uid(*account)}
            status["audiences"] = body["spec"].get("audiences", [])
            status["user"] = {**user, "groups": ["system:serviceaccounts", "system:authenticated"]}
        return 201, {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status}

    with served(review) as url:
        yield url, known
