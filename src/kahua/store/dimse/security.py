"""TLS of DICOM associations: the profile BCP 195, RFC 8996 and 9325 (PS3.15 annex B.12)."""

from pathlib import Path
from ssl import (
    OP_NO_COMPRESSION,
    OP_NO_RENEGOTIATION,
    PROTOCOL_TLS_CLIENT,
    PROTOCOL_TLS_SERVER,
    SSLContext,
    SSLError,
    TLSVersion,
    VerifyMode,
)

from kahua.errors import MisconfiguredSite
from kahua.settings import Settings

#: Cipher suites of TLS 1.2 with forward secrecy and authenticated encryption (RFC 9325 4.2); those of 1.3 have both.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


def server_security(settings: Settings) -> SSLContext:
    """Make what the receiver speaks TLS by; with authorities given, it wants certificates of its peers.

    Raises
    ------
    MisconfiguredSite
        Certificate or key is missing, or a file cannot be used.
    """
    context = _context(PROTOCOL_TLS_SERVER)
    if settings.dicom_tls_certificate is None:
        raise MisconfiguredSite(
            "The DICOM receiver cannot speak TLS without certificate and key.",
            setting="dicom_tls_certificate",
            remedy="Give dicom_tls_certificate and dicom_tls_key, or leave dicom_tls_port empty.",
        )
    _load_own(context, settings)
    if settings.dicom_tls_ca is not None:
        _load_authorities(context, settings.dicom_tls_ca)
        context.verify_mode = VerifyMode.CERT_REQUIRED
    return context


def client_security(settings: Settings) -> SSLContext:
    """Make what this site speaks TLS by when it calls: with its own certificate, if it has one.

    The name or address under which a peer is called must be in its certificate.

    Raises
    ------
    MisconfiguredSite
        A file cannot be used.
    """
    context = _context(PROTOCOL_TLS_CLIENT)
    if settings.dicom_tls_ca is not None:
        _load_authorities(context, settings.dicom_tls_ca)
    else:
        context.load_default_certs()
    if settings.dicom_tls_certificate is not None:
        _load_own(context, settings)
    return context


def _context(protocol: int) -> SSLContext:
    context = SSLContext(protocol)
    context.minimum_version = TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= OP_NO_COMPRESSION | OP_NO_RENEGOTIATION
    return context


def _load_own(context: SSLContext, settings: Settings) -> None:
    try:
        context.load_cert_chain(str(settings.dicom_tls_certificate), settings.dicom_tls_key)
    except (OSError, SSLError) as error:
        raise MisconfiguredSite(
            f"The certificate and key for DICOM over TLS cannot be used: {error.strerror or error}.",
            setting="dicom_tls_certificate",
            remedy="Give PEM files: the certificate chain, own one first, and the key without password.",
        ) from error


def _load_authorities(context: SSLContext, path: Path) -> None:
    try:
        context.load_verify_locations(path)
    except (OSError, SSLError) as error:
        raise MisconfiguredSite(
            f"The authorities for DICOM over TLS cannot be used: {error.strerror or error}.",
            setting="dicom_tls_ca",
            remedy="Give a PEM file with the certificates of those who sign your peers' certificates.",
        ) from error
