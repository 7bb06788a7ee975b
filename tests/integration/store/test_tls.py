"""DICOM over TLS with peers that others wrote: DCMTK and pynetdicom."""

import shutil
import socket
import ssl
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from ssl import TLSVersion
from typing import Any

import pytest
from pynetdicom import AE
from pynetdicom.sop_class import CTImageStorage, Verification
from sqlalchemy import func, select

from kahua.errors import MisconfiguredSite, PeerUnavailable
from kahua.settings import Settings
from kahua.store import Archive, InstanceRow
from kahua.store.dimse import Caller, Destination, Receiver, Route
from kahua.store.dimse.security import client_security
from kahua.store.dimse.sender import Outgoing, send
from kahua.testing.archive import archive_in
from kahua.testing.factory import ct_series, data_set_bytes, part10

CT = "1.2.840.10008.5.1.4.1.1.2"
#: What keys are made of.
KEY = ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")

EXPLICIT = "1.2.840.10008.1.2.1"


def tool(name: str, of: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"needs {name} of {of}")
    return path


@dataclass(frozen=True)
class Authority:
    """One who signs certificates."""

    folder: Path

    @property
    def certificate(self) -> Path:
        return self.folder / "ca.pem"

    def sign(self, name: str) -> tuple[Path, Path]:
        key, request, certificate = (self.folder / f"{name}.{kind}" for kind in ("key", "csr", "pem"))
        openssl("req", "-newkey", *KEY, "-nodes", "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        names = self.folder / f"{name}.ext"
        names.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        signer = ("-CA", self.certificate, "-CAkey", self.folder / "ca.key", "-CAcreateserial", "-days", "2")
        openssl("x509", "-req", "-in", request, "-out", certificate, "-extfile", names, *signer)
        return certificate, key


def openssl(*words: object) -> None:
    subprocess.run([tool("openssl", "OpenSSL"), *map(str, words)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return new_authority(tmp_path_factory.mktemp("authority"))


def new_authority(folder: Path) -> Authority:
    made = ("-x509", "-newkey", *KEY, "-nodes", "-days", "2", "-subj", "/CN=authority")
    openssl("req", *made, "-keyout", folder / "ca.key", "-out", folder / "ca.pem")
    return Authority(folder)


class Served:
    """A receiver that speaks TLS, and who came."""

    def __init__(self, folder: Path, archive: Archive, **settings: Any) -> None:
        self.archive = archive
        self.callers: list[Caller] = []
        self.settings = Settings(data_dir=folder, dicom_port=0, dicom_tls_port=0, **settings)
        self.receiver = Receiver(self.settings, archive, self.route)
        self.receiver.start()

    def route(self, caller: Caller) -> Route:
        self.callers.append(caller)
        return Route(project_id="main")

    def count(self) -> int:
        with self.archive.database.read() as session:
            return int(session.execute(select(func.count()).select_from(InstanceRow)).scalar_one())


@pytest.fixture
def make(tmp_path: Path, authority: Authority) -> Iterator[Any]:
    certificate, key = authority.sign("site")
    with ExitStack() as stack:

        def make(**settings: Any) -> Served:
            archive = stack.enter_context(archive_in(tmp_path))
            served = Served(tmp_path, archive, dicom_tls_certificate=certificate, dicom_tls_key=key, **settings)
            stack.callback(served.receiver.stop)
            return served

        yield make


def dcmtk(name: str, served: Served, *options: object, files: tuple[Path, ...] = ()) -> bool:
    """Run a tool; tell whether it succeeded."""
    words = [*options, *served.receiver.tls_address, *files]
    command = [tool(name, "DCMTK"), *map(str, words)]
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


def test_dcmtk_sends_over_tls_with_a_certificate(make: Any, authority: Authority, tmp_path: Path) -> None:
    served = make(dicom_tls_ca=authority.certificate)
    certificate, key = authority.sign("scanner")
    file = tmp_path / "one.dcm"
    file.write_bytes(part10(ct_series(slices=1, rows=512, columns=512)[0]))
    assert dcmtk("storescu", served, "+tls", key, certificate, "+cf", authority.certificate, files=(file,))
    assert served.count() == 1
    assert served.callers[-1].is_certified


def test_who_shows_no_certificate_is_refused_where_authorities_are_given(make: Any, authority: Authority) -> None:
    served = make(dicom_tls_ca=authority.certificate)
    assert not dcmtk("echoscu", served, "+tla", "+cf", authority.certificate)
    assert served.callers == []


def test_a_certificate_of_another_authority_is_refused(make: Any, authority: Authority, tmp_path: Path) -> None:
    served = make(dicom_tls_ca=authority.certificate)
    (tmp_path / "other").mkdir()
    certificate, key = new_authority(tmp_path / "other").sign("scanner")
    assert not dcmtk("echoscu", served, "+tls", key, certificate, "+cf", authority.certificate)
    assert served.callers == []


def test_without_authorities_nobody_needs_a_certificate(make: Any, authority: Authority) -> None:
    served = make()
    assert dcmtk("echoscu", served, "+tla", "+cf", authority.certificate)
    assert not served.callers[-1].is_certified


def test_old_protocols_and_plain_connections_are_refused_and_the_port_stays_open(make: Any) -> None:
    served = make()
    assert not dcmtk("echoscu", served)
    assert "PROTOCOL_VERSION" in refusal(served, TLSVersion.TLSv1)
    assert "PROTOCOL_VERSION" in refusal(served, TLSVersion.TLSv1_1)
    assert "HANDSHAKE_FAILURE" in refusal(served, TLSVersion.TLSv1_2, "AES256-SHA256")
    assert echo(served)


def refusal(served: Served, version: TLSVersion, ciphers: str = "ALL") -> str:
    """Shake hands by one version alone, which must be refused by the other side; say in which words."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")  # what our own side would refuse shows nothing
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        context.minimum_version = context.maximum_version = version
    with (
        pytest.raises(ssl.SSLError) as refused,
        socket.create_connection(served.receiver.tls_address, 10) as connection,
    ):
        context.wrap_socket(connection)
    return str(refused.value.reason)


def test_keys_are_not_renegotiated_again_and_again(make: Any) -> None:
    host, port = make().receiver.tls_address
    command = [tool("openssl", "OpenSSL"), "s_client", "-connect", f"{host}:{port}", "-tls1_2"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as client:
        assert client.stdin
        assert client.stdout
        assert any(b"Verify return code" in line for line in client.stdout), "the handshake is over"
        said = client.communicate(b"R\n", timeout=30)[1]
    assert b"no renegotiation" in said


def echo(served: Served) -> bool:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    entity = AE(ae_title="PYNETDICOM")
    entity.add_requested_context(Verification)
    association = entity.associate(*served.receiver.tls_address, tls_args=(context, None))
    assert association.is_established
    status = association.send_c_echo().Status
    association.release()
    return bool(status == 0)


def test_pynetdicom_sends_large_objects_over_tls(make: Any, authority: Authority, tmp_path: Path) -> None:
    served = make()
    context = ssl.create_default_context(cafile=str(authority.certificate))
    entity = AE(ae_title="PYNETDICOM")
    entity.add_requested_context(CTImageStorage, EXPLICIT)
    association = entity.associate(*served.receiver.tls_address, tls_args=(context, "localhost"))
    assert association.is_established
    for number, instance in enumerate(ct_series(slices=3, rows=1024, columns=1024)):
        file = tmp_path / f"{number}.dcm"
        file.write_bytes(part10(instance))
        assert association.send_c_store(file).Status == 0
    association.release()
    assert served.count() == 3


def test_a_handshake_that_never_ends_takes_no_place(make: Any) -> None:
    served = make()
    silent = [socket.create_connection(served.receiver.tls_address) for _ in range(50)]
    for connection in silent[::2]:
        connection.sendall(b"\x16\x03\x01")
    assert echo(served)
    for connection in silent:
        connection.settimeout(60)
        assert connection.recv(100) == b""
        connection.close()


def test_this_site_sends_over_tls_with_its_certificate(make: Any, authority: Authority) -> None:
    served = make(dicom_tls_ca=authority.certificate)
    host, port = served.receiver.tls_address
    (instance,) = ct_series(slices=1)
    waiting = Outgoing(
        sop_class_uid=CT,
        sop_instance_uid=instance.SOPInstanceUID,
        transfer_syntax_uid=EXPLICIT,
        data=lambda: iter([data_set_bytes(instance)]),
    )
    destination = Destination(ae_title="KAHUA", host=host, port=port, tls=True)
    (sent,) = send(destination, [waiting], calling="SENDER", security=client_security(served.settings))
    assert sent.is_stored
    assert served.count() == 1


def test_a_peer_whose_certificate_nobody_signed_is_not_called(make: Any, tmp_path: Path) -> None:
    served = make()
    host, port = served.receiver.tls_address
    destination = Destination(ae_title="KAHUA", host=host, port=port, tls=True)
    instance = Outgoing(sop_class_uid=CT, sop_instance_uid="1.2", transfer_syntax_uid=EXPLICIT, data=lambda: iter([]))
    with pytest.raises(PeerUnavailable, match="does not speak TLS as it should"):
        list(send(destination, [instance], calling="SENDER", security=client_security(Settings(data_dir=tmp_path))))


@pytest.mark.parametrize("setting", ["dicom_tls_certificate", "dicom_tls_ca"])
def test_a_file_that_cannot_be_used_is_said_at_the_start(tmp_path: Path, setting: str) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("nothing")
    with pytest.raises(MisconfiguredSite) as refused, archive_in(tmp_path) as archive:
        Served(tmp_path, archive, **{"dicom_tls_certificate": broken, setting: broken})
    assert str(refused.value.details["setting"]).startswith("dicom_tls")
