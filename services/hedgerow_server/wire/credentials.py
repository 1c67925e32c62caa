"""AdminService, credentials: bytes to core requests, answers to messages."""

from google.protobuf.message import Message
from hedgerow.admin.v1 import credential_pb2 as pb

from hedgerow_server.core.call import Call
from hedgerow_server.core.credentials import (
    CredentialAnswer,
    CredentialFacts,
    CredentialRefreshed,
    CredentialsListed,
    RefreshCredentialRequest,
    RotationFacts,
)
from hedgerow_server.wire.check import Checker
from hedgerow_server.wire.times import timestamp


class CredentialDecoder:
    """Decodes the requests for credentials."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker

    def list_credentials(self, call: Call) -> None:
        """A request of ListCredentials: nothing."""
        self._checker.parse(pb.ListCredentialsRequest, call, call.body)

    def refresh_credential(self, call: Call) -> RefreshCredentialRequest:
        """A request of RefreshCredential."""
        return RefreshCredentialRequest(self._checker.parse(pb.RefreshCredentialRequest, call, call.body).name)


def credential_message(answer: CredentialAnswer) -> Message:
    """The response."""
    match answer:
        case CredentialsListed(found):
            return pb.ListCredentialsResponse(credentials=map(_credential, found))
        case CredentialRefreshed(one, changed):
            return pb.RefreshCredentialResponse(credential=_credential(one), changed=changed)


def _credential(one: CredentialFacts) -> pb.Credential:
    return pb.Credential(
        name=one.name,
        source=one.source,
        ready=one.ready,
        problem=one.problem,
        take_time=timestamp(one.taken_unix_s),
        versions_count=one.versions,
        last_use_time=timestamp(one.used_unix_s),
        last_refusal_time=timestamp(one.refused_unix_s),
        refusals_count=one.refusals,
        set_aside_until_time=timestamp(one.set_aside_until_unix_s),
        set_aside_reason=one.set_aside_reason,
        providers=one.providers,
        create_time=timestamp(one.made_unix_s),
        rotation=_rotation(one.rotation) if one.rotation is not None else None,
        alarms=[
            pb.CredentialAlarm(
                event=alarm.event,
                provider=alarm.provider,
                reason=alarm.reason,
                raise_time=timestamp(alarm.raised_unix_s),
            )
            for alarm in one.alarms
        ],
    )


def _rotation(facts: RotationFacts) -> pb.CredentialRotation:
    return pb.CredentialRotation(
        begin_time=timestamp(facts.begins_unix_s),
        due_time=timestamp(facts.due_unix_s),
        key_waiting=facts.waiting,
        problem=facts.problem,
    )
