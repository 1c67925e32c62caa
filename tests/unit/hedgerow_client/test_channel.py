"""How a channel is set up."""

import pytest
from hedgerow_client.channel import Tls, is_local, plan


@pytest.mark.parametrize(
    "target",
    ["127.0.0.1:50051", "localhost:1", "[::1]:50051", "unix:/run/h.sock", "dns:///localhost:1", "ipv4:127.0.0.2:1"],
)
def test_targets_on_this_machine_are_local(target: str) -> None:
    assert is_local(target)


@pytest.mark.parametrize(
    "target", ["gateway.internal:50051", "10.0.0.1:50051", "[2001:db8::1]:1", "localhost.example:1", "dns:///h:1"]
)
def test_other_targets_are_not_local(target: str) -> None:
    assert not is_local(target)


@pytest.mark.parametrize(
    ("target", "tls", "insecure", "plaintext"),
    [
        ("127.0.0.1:1", None, None, True),
        ("127.0.0.1:1", None, False, False),
        ("127.0.0.1:1", Tls(), None, False),
        ("gateway:1", None, None, False),
        ("gateway:1", None, True, True),
    ],
)
def test_plaintext_is_for_loopback_or_by_order(
    target: str, tls: Tls | None, insecure: bool | None, plaintext: bool
) -> None:
    dial = plan(target, token=None, tls=tls, insecure=insecure)
    assert (dial.credentials is None) is plaintext


def test_tls_without_tls_is_refused() -> None:
    with pytest.raises(ValueError, match="exclude"):
        plan("gateway:1", token=None, tls=Tls(), insecure=True)


@pytest.mark.parametrize("token", ["sec ret", "secret\n", "sécret"])
def test_a_token_that_cannot_be_sent_is_refused_without_showing_it(token: str) -> None:
    with pytest.raises(ValueError, match="visible ASCII") as caught:
        plan("gateway:1", token=token, tls=None, insecure=None)
    assert token not in str(caught.value)


def test_the_plan_does_not_show_secrets() -> None:
    dial = plan("gateway:1", token="secret", tls=Tls(private_key=b"secret"), insecure=None)
    assert "secret" not in repr(dial)
    assert "secret" not in repr(Tls(private_key=b"secret"))
