"""AdminService, keys and audit log: bytes to core requests, answers to messages."""

from google.protobuf.message import Message
from hedgerow.admin.v1 import audit_pb2 as audit_pb
from hedgerow.admin.v1 import erasure_pb2 as erasure_pb
from hedgerow.admin.v1 import key_pb2 as pb

from hedgerow_server.core.call import Call
from hedgerow_server.core.erasure import EraseUserRequest, UserErased
from hedgerow_server.core.keys import (
    AuditFacts,
    AuditListed,
    AuditVerified,
    CreateKeyRequest,
    GetKeyRequest,
    KeyAnswer,
    KeyCreated,
    KeyFacts,
    KeyFound,
    KeyRevoked,
    KeyRotated,
    KeysListed,
    ListAuditRequest,
    ListKeysRequest,
    RevokeKeyRequest,
    RotateKeyRequest,
)
from hedgerow_server.wire.check import Checker
from hedgerow_server.wire.times import seconds, timestamp

_DEFAULT_PAGE = 100
_DEFAULT_OVERLAP_S = 24 * 3600.0


class KeyDecoder:
    """Decodes the requests for keys and for the audit log."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker

    def create_key(self, call: Call) -> CreateKeyRequest:
        """A request of CreateKey."""
        message = self._checker.parse(pb.CreateKeyRequest, call, call.body)
        return CreateKeyRequest(
            tenant=message.tenant,
            team=message.team,
            user=message.user,
            service=message.service,
            description=message.description,
            roles=tuple(message.roles),
            rpcs=tuple(message.rpcs),
            models=tuple(message.models),
            regions=tuple(message.regions),
            lifetime_s=seconds(message.lifetime) if message.HasField("lifetime") else None,
        )

    def list_keys(self, call: Call) -> ListKeysRequest:
        """A request of ListKeys."""
        message = self._checker.parse(pb.ListKeysRequest, call, call.body)
        return ListKeysRequest(message.page_size or _DEFAULT_PAGE, message.page_token, message.tenant)

    def get_key(self, call: Call) -> GetKeyRequest:
        """A request of GetKey."""
        return GetKeyRequest(self._checker.parse(pb.GetKeyRequest, call, call.body).key_id)

    def rotate_key(self, call: Call) -> RotateKeyRequest:
        """A request of RotateKey."""
        message = self._checker.parse(pb.RotateKeyRequest, call, call.body)
        overlap_s = seconds(message.overlap) if message.HasField("overlap") else _DEFAULT_OVERLAP_S
        return RotateKeyRequest(message.key_id, overlap_s)

    def revoke_key(self, call: Call) -> RevokeKeyRequest:
        """A request of RevokeKey."""
        message = self._checker.parse(pb.RevokeKeyRequest, call, call.body)
        return RevokeKeyRequest(message.key_id, message.reason)

    def list_audit_rows(self, call: Call) -> ListAuditRequest:
        """A request of ListAuditRows."""
        message = self._checker.parse(audit_pb.ListAuditRowsRequest, call, call.body)
        return ListAuditRequest(message.page_size or _DEFAULT_PAGE, message.after_number)

    def erase_user(self, call: Call) -> EraseUserRequest:
        """A request of EraseUser."""
        message = self._checker.parse(erasure_pb.EraseUserRequest, call, call.body)
        return EraseUserRequest(message.tenant, message.user)

    def verify_audit(self, call: Call) -> None:
        """A request of VerifyAudit: nothing."""
        self._checker.parse(audit_pb.VerifyAuditRequest, call, call.body)


def key_message(answer: KeyAnswer) -> Message:
    """The response."""
    match answer:
        case KeyCreated(text, key):
            return pb.CreateKeyResponse(secret_key=text, key=_key(key))
        case KeysListed(keys, token):
            return pb.ListKeysResponse(keys=map(_key, keys), next_page_token=token)
        case KeyRotated(text, key, replaced):
            return pb.RotateKeyResponse(secret_key=text, key=_key(key), replaced=_key(replaced))
        case KeyFound(key):
            return pb.GetKeyResponse(key=_key(key))
        case KeyRevoked(key):
            return pb.RevokeKeyResponse(key=_key(key))
        case AuditListed(rows):
            return audit_pb.ListAuditRowsResponse(rows=map(_row, rows))
        case AuditVerified(broken, rows_count, last, erased):
            return audit_pb.VerifyAuditResponse(
                broken_number=broken, rows_count=rows_count, last_digest=last.hex(), erased_rows_count=erased
            )
        case UserErased(reference, counts):
            return erasure_pb.EraseUserResponse(reference=reference, erased_counts=counts)


def _key(key: KeyFacts) -> pb.ApiKey:
    return pb.ApiKey(
        id=key.key_id,
        tenant=key.tenant,
        team=key.team,
        user=key.user,
        service=key.service,
        description=key.description,
        roles=key.roles,
        rpcs=key.rpcs,
        models=key.models,
        regions=key.regions,
        create_time=timestamp(key.created_unix_s),
        creator=key.created_by,
        expire_time=timestamp(key.expires_unix_s),
        revoke_time=timestamp(key.revoked_unix_s),
        replaces_key_id=key.replaces,
        last_use_time=timestamp(key.last_used_unix_s),
    )


def _row(row: AuditFacts) -> audit_pb.AuditRow:
    return audit_pb.AuditRow(
        number=row.number,
        time=timestamp(row.at_unix_s),
        who=row.who,
        action=row.action,
        subject=row.subject,
        detail=row.detail,
        outcome=row.outcome,
        request_id=row.request_id,
        digest=row.digest.hex(),
        erased_fields=row.erased,
    )
