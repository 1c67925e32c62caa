"""The errors of the core are those of the contract."""

import re
from pathlib import Path

import pytest
from hedgerow.errors.v1 import error_reason_pb2
from hedgerow_server.core import error as errors
from hedgerow_server.core.error import Failure, HedgerowError, every_error

PROTO = Path(__file__).resolve().parents[4] / "protos" / "hedgerow" / "errors" / "v1" / "error_reason.proto"
PREFIX = "ERROR_REASON_"


def documented() -> dict[str, str]:
    """The status code that the comment of each reason begins with."""
    found = re.findall(r"// ([A-Z_]+)\. [^\n]*\n(?:\s*//[^\n]*\n)*\s*ERROR_REASON_([A-Z_]+) =", PROTO.read_text())
    return {reason: code for code, reason in found}


def test_the_reasons_are_exactly_those_of_the_contract() -> None:
    contract = {name.removeprefix(PREFIX) for name in error_reason_pb2.ErrorReason.DESCRIPTOR.values_by_name} - {
        "UNSPECIFIED"
    }
    assert set(every_error()) == contract
    assert set(documented()) == contract


def test_each_class_has_a_reason_of_its_own() -> None:
    classes = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, HedgerowError)]
    concrete = [one for one in classes if one is not HedgerowError]
    assert sorted(every_error().values(), key=str) == sorted(concrete, key=str)


@pytest.mark.parametrize(("reason", "kind"), every_error().items())
def test_the_code_is_the_one_that_the_contract_documents(reason: str, kind: type[HedgerowError]) -> None:
    assert kind.code == documented()[reason]


@pytest.mark.parametrize("kind", every_error().values())
def test_what_is_the_requests_fault_is_an_invalid_argument_and_the_other_way_round(kind: type[HedgerowError]) -> None:
    assert (kind.failure is Failure.REQUEST) == (kind.code == "INVALID_ARGUMENT")


def test_only_refusals_before_anything_was_done_invite_a_retry() -> None:
    """Shedding, draining, throttling, and callers who cannot be told yet."""
    retryable = {reason for reason, kind in every_error().items() if kind.retryable}
    assert retryable == {
        "OVERLOADED",
        "DRAINING",
        "PROVIDER_THROTTLED",
        "IDENTITY_UNAVAILABLE",
        "IDEMPOTENCY_UNAVAILABLE",
        "LEDGER_UNAVAILABLE",
        "LIMITS_UNAVAILABLE",
    }


def test_an_error_prints_its_message_and_nothing_else() -> None:
    error = errors.ProviderAuth("The provider sim refuses the key.", metadata={"provider": "sim"}, subject="x")
    assert str(error) == "The provider sim refuses the key."
