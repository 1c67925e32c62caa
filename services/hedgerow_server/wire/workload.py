"""The one message of the SPIFFE Workload API that the gateway reads: X.509 identities.

https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Workload_API.md, section 5.2. The messages of its .proto are
in no package. In a pool of its own this copy of them cannot clash with that of a library in the same process, as one
that is generated would: protobuf has each name once. It has the fields that are needed; what else comes is skipped.
"""

from functools import cache
from typing import Any

import msgspec
from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory

FETCH_X509_SVID = "/SpiffeWorkloadAPI/FetchX509SVID"
"""The method: no fields in, a stream of all identities out, a message whenever one of them changes."""
EMPTY = b""
"""What it is asked with."""
_Field = descriptor_pb2.FieldDescriptorProto


class X509Identity(msgspec.Struct, frozen=True):
    """One identity of the workload, as it came. DER."""

    spiffe_id: str
    certificates: bytes
    """The certificate, and after it those of the authorities between."""
    key: bytes
    """Its private key, PKCS #8."""
    bundle: bytes
    """The authorities of its trust domain, one after the other."""

    def __repr__(self) -> str:
        return f"X509Identity({self.spiffe_id})"


def identities(content: bytes) -> tuple[X509Identity, ...]:
    """The identities in a message, the default one first. Raises ValueError for what is no such message."""
    found = _response()()
    try:
        found.ParseFromString(content)
    except message.DecodeError:
        raise ValueError("expected an X509SVIDResponse") from None
    return tuple(X509Identity(one.spiffe_id, one.x509_svid, one.x509_svid_key, one.bundle) for one in found.svids)


@cache
def _response() -> Any:
    pool = descriptor_pool.DescriptorPool()
    file = descriptor_pb2.FileDescriptorProto(name="workload.proto", syntax="proto3")
    svid = file.message_type.add(name="X509SVID")
    for number, (name, kind) in enumerate(
        (
            ("spiffe_id", _Field.TYPE_STRING),
            ("x509_svid", _Field.TYPE_BYTES),
            ("x509_svid_key", _Field.TYPE_BYTES),
            ("bundle", _Field.TYPE_BYTES),
        ),
        start=1,
    ):
        svid.field.add(name=name, number=number, type=kind, label=_Field.LABEL_OPTIONAL)
    response = file.message_type.add(name="X509SVIDResponse")
    response.field.add(
        name="svids", number=1, type=_Field.TYPE_MESSAGE, type_name=".X509SVID", label=_Field.LABEL_REPEATED
    )
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("X509SVIDResponse"))
