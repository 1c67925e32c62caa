"""The router logs in, renews its token, and logs in again when it is lost."""

import time
from typing import Any

from vault.client import Client, wait_for
from vault.fake import FakeVault
from vault.real import RealVault


def logins(fake: FakeVault) -> int:
    """How often anybody has logged in."""
    return sum(path == "auth/approle/login" for _, path, _ in fake.asked)


def renewals(fake: FakeVault) -> int:
    """How often a token was renewed."""
    return sum(path == "auth/token/renew-self" for _, path, _ in fake.asked)


def test_a_token_logs_in(client: Client) -> None:
    client.vault.put("openai", key="sk-1")
    assert client.lease(client.connect(client.token_login())).ready


def test_approle_logs_in(client: Client) -> None:
    client.vault.put("openai", key="sk-1")
    assert client.lease(client.connect(client.approle_login())).ready


def test_a_token_is_renewed_for_longer_than_its_life(client: Client) -> None:
    client.vault.put("openai", key="sk-1")
    held = client.lease(client.connect(client.token_login(ttl_s=2)))
    time.sleep(3)  # longer than it lives without
    client.vault.put("openai", key="sk-2")
    assert wait_for(lambda: held.current().reveal() == "sk-2") < 2
    assert held.problem == ""


def test_a_token_is_renewed_at_two_thirds_of_its_life(fake_client: Client, fake: FakeVault) -> None:
    fake.put("openai", key="sk-1")
    since_s = time.monotonic()
    fake_client.lease(fake_client.connect(fake_client.approle_login(ttl_s=3)))
    wait_for(lambda: renewals(fake) == 1)
    assert 1.7 < time.monotonic() - since_s < 2.4
    assert logins(fake) == 1


def test_a_token_that_cannot_be_renewed_any_more_is_replaced_before_it_ends(client: Client) -> None:
    client.vault.put("openai", key="sk-1")
    held = client.lease(client.connect(client.approle_login(ttl_s=2, max_s=3)))
    until_s = time.monotonic() + 5  # past the end of the first token, which is no earlier than its longest life
    while time.monotonic() < until_s:
        assert held.problem == ""
        time.sleep(0.02)
    client.vault.put("openai", key="sk-2")
    wait_for(lambda: held.current().reveal() == "sk-2", 2)


def test_after_its_token_was_revoked_it_logs_in_again_by_itself(client: Client) -> None:
    client.vault.put("openai", key="sk-1")
    held = client.lease()
    client.vault.revoke_tokens()
    client.vault.put("openai", key="sk-2")
    assert wait_for(lambda: held.current().reveal() == "sk-2") < 2
    assert held.problem == ""


def test_a_refused_login_says_so(client: Client) -> None:
    client.vault.put("openai", key="sk-1")
    login = client.approle_login() | {"secret_id": client.file("secret", "wrong-canary")}
    held = client.lease(client.connect(login))
    assert (held.ready, held.problem) == (False, "Vault refuses the login with AppRole at auth/approle")


def test_a_refused_token_says_so(client: Client) -> None:
    login = {"method": "token", "token": client.file("token", "hvs.wrong")}
    held = client.lease(client.connect(login))
    assert (held.ready, held.problem) == (False, "Vault denies looking up our token")


def test_a_file_that_is_not_there_says_so(client: Client) -> None:
    login: dict[str, Any] = {"method": "token", "token": {"source": "file", "path": "/no/such/file"}}
    held = client.lease(client.connect(login))
    assert held.problem == (
        "the login to Vault lacks a part: the file /no/such/file cannot be read: No such file or directory"
    )


def test_other_means_are_tried_within_two_seconds(client: Client) -> None:
    client.vault.put("openai", key="sk-1")
    right = client.approle_login()
    good = (client.folder / "secret").read_text()
    client.file("secret", "wrong")
    held = client.lease(client.connect(right))
    assert not held.ready
    client.file("secret", good)
    assert wait_for(lambda: held.ready) < 2


def test_a_refused_secret_id_is_not_tried_until_vault_locks_the_role_out(fake_client: Client, fake: FakeVault) -> None:
    login = fake_client.approle_login() | {"secret_id": fake_client.file("secret", "wrong")}
    held = fake_client.lease(fake_client.connect(login))
    wait_for(lambda: logins(fake) == 2, 5)
    time.sleep(2.5)
    assert logins(fake) == 2
    assert held.problem == "Vault refuses the login with AppRole at auth/approle"


def test_a_wrapped_secret_id_is_unwrapped_once_and_kept(client: Client) -> None:
    client.vault.put("openai", key="sk-1")
    login = client.approle_login()
    login |= {"secret_id": client.file("secret", client.vault.wrapped_secret_id()), "wrapped": True}
    held = client.lease(client.connect(login))
    assert held.problem == ""
    client.vault.revoke_tokens()
    client.vault.put("openai", key="sk-2")
    assert wait_for(lambda: held.current().reveal() == "sk-2") < 2


def test_a_wrapped_secret_id_that_somebody_has_unwrapped_is_an_alarm(client: Client) -> None:
    login = client.approle_login()
    login |= {"secret_id": client.file("secret", client.vault.wrapped_secret_id()), "wrapped": True}
    assert client.lease(client.connect(login)).problem == "Vault has nothing for reading secret/openai"
    assert client.lease(client.connect(login)).problem == (
        "the wrapping token was unwrapped before or has expired: somebody else may have the secret ID"
    )


def test_a_token_that_wraps_something_else_is_not_unwrapped(client: Client) -> None:
    login = client.approle_login()
    login |= {"secret_id": client.file("secret", client.vault.wrapped_other()), "wrapped": True}
    assert client.lease(client.connect(login)).problem == (
        "the wrapping token holds no secret ID of auth/approle: it is not used"
    )


def test_the_end_revokes_the_token_of_a_login(fake_client: Client, fake: FakeVault) -> None:
    fake.put("openai", key="sk-1")
    fake_client.lease()
    assert len(fake.tokens) == 1
    fake_client.close()
    assert fake.tokens == {}


def test_the_end_leaves_a_token_that_somebody_else_gave(fake_client: Client, fake: FakeVault) -> None:
    fake.put("openai", key="sk-1")
    fake_client.lease(fake_client.connect(fake_client.token_login()))
    fake_client.close()
    assert len(fake.tokens) == 1


def test_a_jwt_logs_in(real_client: Client, real: RealVault) -> None:
    from vault.identities import Issuer

    issuer = Issuer("https://issuer.test")
    real.call("POST", "auth/jwt/config", jwt_validation_pubkeys=[issuer.public_pem], bound_issuer=issuer.name)
    role = {"role_type": "jwt", "bound_audiences": ["vault"], "user_claim": "sub", "token_policies": ["hedgerow"]}
    real.call("POST", "auth/jwt/role/hedgerow", **role)
    real.put("openai", key="sk-1")
    path = real_client.folder / "jwt"
    path.write_text(issuer.jwt(aud="somebody-else", sub="router"))
    held = real_client.lease(real_client.connect({"method": "jwt", "role": "hedgerow", "token_file": str(path)}))
    assert held.problem == "Vault refuses the login with a JWT at auth/jwt"
    path.write_text(issuer.jwt(aud="vault", sub="router"))
    assert wait_for(lambda: held.ready) < 2


def test_a_kubernetes_service_account_logs_in(real_client: Client, real: RealVault) -> None:
    from vault.identities import Issuer, token_reviews

    issuer = Issuer("https://kubernetes.default.svc.cluster.local")
    with token_reviews() as (url, known):
        config = {"kubernetes_host": url, "token_reviewer_jwt": issuer.service_account("vault", "reviewer")}
        real.call("POST", "auth/kubernetes/config", **config, disable_local_ca_jwt=True)
        role = {
            "bound_service_account_names": ["hedgerow"],
            "bound_service_account_namespaces": ["gateway"],
            "token_policies": ["hedgerow"],
            "audience": "vault",
        }
        real.call("POST", "auth/kubernetes/role/hedgerow", **role)
        real.put("openai", key="sk-1")
        path = real_client.folder / "sa"
        path.write_text(issuer.service_account("gateway", "hedgerow"))
        login = {"method": "kubernetes", "role": "hedgerow", "token_file": str(path)}
        held = real_client.lease(real_client.connect(login))
        assert held.problem == "Vault refuses the login with Kubernetes at auth/kubernetes"
        known[path.read_text()] = ("gateway", "hedgerow")
        wait_for(lambda: held.ready)
