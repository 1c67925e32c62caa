"""Certificates that are replaced on disk while a router runs: the next handshake has the new one, and no call fails."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from hedgerow.admin.v1 import admin_service_pb2 as admin_pb
from rpc.access import troubled
from rpc.caller import COMPLETE, STREAM_COMPLETE, Caller, connected, eventually
from rpc.certificates import Authority, credentials
from rpc.conftest import StartRouter
from stack import ON_CORE, Process, Stack

GET_CONFIG = "/hedgerow.admin.v1.AdminService/GetConfig"
ROTATIONS = 5


@dataclass
class Files:
    """The files of a door, and whoever issues what is in them."""

    folder: Path
    authority: Authority = field(default_factory=Authority)

    def write(self, **contents: bytes) -> None:
        """Puts contents in the place of files, each in one step."""
        for name, content in contents.items():
            fresh = self.folder / f"{name}.new"
            fresh.write_bytes(content)
            fresh.replace(self.folder / f"{name}.pem")

    def renew(self) -> bytes:
        """Another certificate of the server, which is given as DER."""
        certificate, key = self.authority.issue()
        self.write(certificate=certificate, key=key)
        return ssl.PEM_cert_to_DER_cert(certificate.decode())

    def section(self, *names: str) -> dict[str, Any]:
        """The section of a door that has these."""
        tls = {name: str(self.folder / f"{name}.pem") for name in ("certificate", "key", *names)}
        return {"listen": "127.0.0.1:0", "tls": tls}


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """The first certificate is there."""
    made = Files(tmp_path)
    made.renew()
    return made


def shown(target: str) -> bytes:
    """The certificate that a new connection is shown, as DER. Nobody checks it here."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    host, _, port = target.rpartition(":")
    with socket.create_connection((host, int(port)), 10) as raw, context.wrap_socket(raw) as wrapped:
        found = wrapped.getpeercert(binary_form=True)
    assert found is not None
    return found


def taken_up(holds: Callable[[], bool], what: str) -> None:
    """At the callers' door: on C-core with the next handshake, on the event loop within half a second."""
    if ON_CORE:
        assert holds(), what
    else:
        eventually(holds, what)


def code(caller: Caller, rpc: str = COMPLETE) -> grpc.StatusCode:
    """How a simple call ends."""
    found: grpc.StatusCode = caller.chat(rpc, "fast", timeout=10).code
    return found


@contextmanager
def calling(target: str, trusted: grpc.ChannelCredentials) -> Iterator[list[grpc.StatusCode]]:
    """Callers that go on until the block ends, by both RPCs: two on a connection that stays open, and one that has a
    new one each time.
    """
    told: list[grpc.StatusCode] = []
    over = threading.Event()

    def stay(rpc: str) -> None:
        with connected(target, trusted) as caller:
            while not over.is_set():
                told.append(code(caller, rpc))

    def come_and_go() -> None:
        while not over.is_set():
            with connected(target, trusted) as caller:
                told.append(code(caller))

    with ThreadPoolExecutor(3) as pool:
        going = [pool.submit(stay, COMPLETE), pool.submit(stay, STREAM_COMPLETE), pool.submit(come_and_go)]
        try:
            yield told
        finally:
            over.set()
    for one in going:
        one.result()


def test_a_certificate_that_was_replaced_is_the_next_handshakes_and_no_call_fails(
    start_router: StartRouter, files: Files
) -> None:
    """At the callers' door, five times over; what is half written meanwhile is of nobody's concern."""
    trusted = credentials(files.authority, None)
    with (
        start_router(server={"grpc": files.section()}) as running,
        calling(running.addresses["grpc"], trusted) as told,
    ):
        for _ in range(ROTATIONS):
            before = len(told)
            fresh = files.renew()
            taken_up(lambda fresh=fresh: shown(running.addresses["grpc"]) == fresh, "the next one")  # type: ignore[misc]
            eventually(lambda before=before: len(told) > before + 6, "calls after the rotation")  # type: ignore[misc]
    assert set(told) == {grpc.StatusCode.OK}


def test_the_admin_door_follows_its_files_too(start_router: StartRouter, files: Files) -> None:
    trusted = credentials(files.authority, None)
    with (
        start_router(server={"admin_grpc": files.section()}) as running,
        connected(running.addresses["admin_grpc"], trusted) as admin,
    ):
        fresh = files.renew()
        for _ in range(2):
            assert shown(running.addresses["admin_grpc"]) == fresh
        answer = admin.unary(GET_CONFIG, admin_pb.GetConfigRequest(), admin_pb.GetConfigResponse.FromString)
        assert answer.code is grpc.StatusCode.OK


def test_an_authority_of_callers_that_was_replaced_decides_over_new_connections(
    start_router: StartRouter, files: Files
) -> None:
    """Whoever has a connection keeps it."""
    old, new = Authority(), Authority()
    files.write(client_ca=old.certificate)
    with start_router(server={"grpc": files.section("client_ca")}) as running:
        target = running.addresses["grpc"]
        with connected(target, credentials(files.authority, old.issue("dns:caller.example"))) as before:
            assert code(before) is grpc.StatusCode.OK
            files.write(client_ca=new.certificate)

            def anew(authority: Authority) -> grpc.StatusCode:
                with connected(target, credentials(files.authority, authority.issue("dns:caller.example"))) as caller:
                    return code(caller)

            taken_up(lambda: anew(new) is grpc.StatusCode.OK, "the new authority decides")
            assert anew(old) is grpc.StatusCode.UNAVAILABLE
            assert code(before) is grpc.StatusCode.OK


@pytest.mark.parametrize("which", ["not PEM", "another's key", "missing"])
def test_files_of_no_use_leave_the_last_good_certificate_in_force_and_the_log_says_so_once(
    stack: Stack, files: Files, tmp_path: Path, which: str
) -> None:
    trusted = credentials(files.authority, None)
    good = files.renew()
    folder = tmp_path / "router"
    folder.mkdir()
    with troubled(stack, folder)(server={"grpc": files.section()}) as running:
        target = running.addresses["grpc"]
        with calling(target, trusted) as told:
            if which == "not PEM":
                files.write(certificate=b"not PEM at all\n")
            elif which == "another's key":
                files.write(key=files.authority.issue()[1])
            else:
                (files.folder / "key.pem").unlink()
            assert [shown(target) for _ in range(3)] == [good] * 3
            eventually(lambda: complaints(running), "the log says so")
            for _ in range(3):
                assert shown(target) == good
            fresh = files.renew()
            taken_up(lambda: shown(target) == fresh, "a good one again")
        assert set(told) == {grpc.StatusCode.OK}
        assert len(complaints(running)) == 1


def complaints(running: Process) -> list[str]:
    """What the log says of files that cannot be used."""
    lines = running.log.read_text().splitlines()
    return [one for one in lines if "server.grpc.tls: the last good certificate stays in force" in one]
