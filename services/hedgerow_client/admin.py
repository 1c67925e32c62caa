"""The client for operators at a router's admin door: reload, state, kill switches, credentials, keys, the audit log."""

from functools import cached_property

from hedgerow.admin.v1.admin_service_pb2 import (
    CandidateState,
    ClearKillSwitchRequest,
    Config,
    GetConfigRequest,
    KeptConfig,
    KillScope,
    KillSwitch,
    ListCandidatesRequest,
    ListKillSwitchesRequest,
    PlanConfigRequest,
    PlanConfigResponse,
    ReloadRequest,
    ReloadResponse,
    RollbackConfigRequest,
    RollbackConfigResponse,
    SetKillSwitchRequest,
    SetKillSwitchResponse,
)
from hedgerow.admin.v1.admin_service_pb2_grpc import AdminServiceStub
from hedgerow.admin.v1.audit_pb2 import AuditRow, ListAuditRowsRequest, VerifyAuditRequest, VerifyAuditResponse
from hedgerow.admin.v1.credential_pb2 import (
    Credential,
    ListCredentialsRequest,
    RefreshCredentialRequest,
    RefreshCredentialResponse,
)
from hedgerow.admin.v1.erasure_pb2 import EraseUserRequest, EraseUserResponse
from hedgerow.admin.v1.key_pb2 import (
    ApiKey,
    CreateKeyRequest,
    CreateKeyResponse,
    GetKeyRequest,
    ListKeysRequest,
    RevokeKeyRequest,
    RotateKeyRequest,
    RotateKeyResponse,
)

from hedgerow_client.connection import Connection, translated


class AdminClient(Connection):
    """A connection to the admin door of one router. Calls raise HedgerowError.

    `target` is a gRPC target such as "127.0.0.1:50052"; the other arguments are those of Client.
    """

    @cached_property
    def _stub(self) -> AdminServiceStub:
        return AdminServiceStub(self._channel)

    def reload(self, *, dry_run: bool = False) -> ReloadResponse:
        """Has the router read its configuration again; `dry_run`: only to tell what that would change."""
        with translated():
            return self._stub.Reload(ReloadRequest(dry_run=dry_run), timeout=self._timeout, metadata=self._metadata)

    def plan_config(self, text: bytes, *, file_name: str = "") -> PlanConfigResponse:
        """What a configuration would change that is not in force; `text` is what its file says, at most 3 MiB."""
        request = PlanConfigRequest(text=text, file_name=file_name)
        with translated():
            return self._stub.PlanConfig(request, timeout=self._timeout, metadata=self._metadata)

    def rollback_config(self, to: str = "", *, dry_run: bool = False) -> RollbackConfigResponse:
        """Has the router go back to the configuration before that in force, or to one by the beginning of its hash."""
        request = RollbackConfigRequest(hash=to, dry_run=dry_run)
        with translated():
            return self._stub.RollbackConfig(request, timeout=self._timeout, metadata=self._metadata)

    def list_kept_configs(self) -> list[KeptConfig]:
        """The configurations that a rollback can go to, oldest first, with the one in force."""
        with translated():
            answer = self._stub.GetConfig(GetConfigRequest(), timeout=self._timeout, metadata=self._metadata)
        return list(answer.kept_configs)

    def get_config(self) -> Config:
        """Which configuration is in force."""
        with translated():
            answer = self._stub.GetConfig(GetConfigRequest(), timeout=self._timeout, metadata=self._metadata)
        return answer.config

    def list_candidates(self, *, provider: str = "") -> list[CandidateState]:
        """How all candidates have been doing, or those of one provider. The timeout bounds each page."""
        found: list[CandidateState] = []
        request = ListCandidatesRequest(page_size=1000, provider=provider)
        while True:
            with translated():
                page = self._stub.ListCandidates(request, timeout=self._timeout, metadata=self._metadata)
            found.extend(page.candidates)
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token

    def set_kill_switch(self, scope: KillScope.ValueType, name: str, reason: str) -> SetKillSwitchResponse:
        """Switches a provider, a model or a tenant off."""
        request = SetKillSwitchRequest(scope=scope, name=name, reason=reason)
        with translated():
            return self._stub.SetKillSwitch(request, timeout=self._timeout, metadata=self._metadata)

    def clear_kill_switch(self, scope: KillScope.ValueType, name: str) -> bool:
        """Switches it on again; tells whether it was off."""
        request = ClearKillSwitchRequest(scope=scope, name=name)
        with translated():
            return self._stub.ClearKillSwitch(request, timeout=self._timeout, metadata=self._metadata).cleared

    def list_kill_switches(self) -> list[KillSwitch]:
        """What is switched off, oldest first."""
        with translated():
            answer = self._stub.ListKillSwitches(
                ListKillSwitchesRequest(), timeout=self._timeout, metadata=self._metadata
            )
        return list(answer.kill_switches)

    def list_credentials(self) -> list[Credential]:
        """How the credentials for the providers are doing, by name; never a secret."""
        with translated():
            answer = self._stub.ListCredentials(
                ListCredentialsRequest(), timeout=self._timeout, metadata=self._metadata
            )
        return list(answer.credentials)

    def refresh_credential(self, name: str) -> RefreshCredentialResponse:
        """Has a secret fetched anew."""
        request = RefreshCredentialRequest(name=name)
        with translated():
            return self._stub.RefreshCredential(request, timeout=self._timeout, metadata=self._metadata)

    def create_key(self, request: CreateKeyRequest) -> CreateKeyResponse:
        """Makes an API key. The answer is the only one that ever tells it."""
        with translated():
            return self._stub.CreateKey(request, timeout=self._timeout, metadata=self._metadata)

    def list_keys(self, *, tenant: str = "") -> list[ApiKey]:
        """All API keys, or those of a tenant, by id. The timeout bounds each page."""
        found: list[ApiKey] = []
        request = ListKeysRequest(page_size=1000, tenant=tenant)
        while True:
            with translated():
                page = self._stub.ListKeys(request, timeout=self._timeout, metadata=self._metadata)
            found.extend(page.keys)
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token

    def get_key(self, key_id: str) -> ApiKey:
        """What is known of a key; never the key itself."""
        with translated():
            return self._stub.GetKey(GetKeyRequest(key_id=key_id), timeout=self._timeout, metadata=self._metadata).key

    def rotate_key(self, key_id: str, *, overlap: float | None = None) -> RotateKeyResponse:
        """Makes a key in the place of another, which stays good for `overlap` seconds (None: a day)."""
        request = RotateKeyRequest(key_id=key_id)
        if overlap is not None:
            request.overlap.FromNanoseconds(round(overlap * 1e9))
        with translated():
            return self._stub.RotateKey(request, timeout=self._timeout, metadata=self._metadata)

    def revoke_key(self, key_id: str, *, reason: str = "") -> ApiKey:
        """Ends a key."""
        request = RevokeKeyRequest(key_id=key_id, reason=reason)
        with translated():
            return self._stub.RevokeKey(request, timeout=self._timeout, metadata=self._metadata).key

    def list_audit_rows(self, *, after: int = 0, limit: int = 1000) -> list[AuditRow]:
        """Rows of the audit log after a number, oldest first, at most `limit` of them (up to 1,000)."""
        request = ListAuditRowsRequest(page_size=limit, after_number=after)
        with translated():
            return list(self._stub.ListAuditRows(request, timeout=self._timeout, metadata=self._metadata).rows)

    def verify_audit(self) -> VerifyAuditResponse:
        """Whether the audit log is what was written."""
        with translated():
            return self._stub.VerifyAudit(VerifyAuditRequest(), timeout=self._timeout, metadata=self._metadata)

    def erase_user(self, tenant: str, user: str) -> EraseUserResponse:
        """Erases what is kept of a user; there is no way back."""
        request = EraseUserRequest(tenant=tenant, user=user)
        with translated():
            return self._stub.EraseUser(request, timeout=self._timeout, metadata=self._metadata)
