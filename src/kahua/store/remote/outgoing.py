"""Outgoing HTTP calls: to the address that an administrator gave, and to no other place it may lead to.

A name is resolved once, its addresses are checked, and the connection goes to one of them, so that no
second answer of the name service leads elsewhere. Redirects are not followed, and the proxies of the
environment are not asked. Nothing is inflated, and everything that is read is counted.
"""

import socket
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

from kahua.errors import InvalidInput, MisconfiguredSite, NotFound, PeerUnavailable
from kahua.settings import Settings

if TYPE_CHECKING:
    import httpx  # at run time late: most processes of a site call nobody

#: How long a connection, and each piece of an answer, may take, in seconds.
CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0

#: A whole answer may take this long, and longer only by a second for every so many bytes that came.
PATIENCE_SECONDS = 60.0
BYTES_PER_SECOND = 4096

#: Largest answer that is read into memory.
MAX_JSON_BYTES = 32_000_000

#: Where machines of clouds tell their secrets; link-local addresses, which are never called, hold most of them.
METADATA = tuple(map(ip_network, ("100.100.100.200/32", "fd00:ec2::254/128", "192.0.0.192/32")))

#: Addresses of IPv6 whose end is one of IPv4 (RFC 6052).
NAT64 = ip_network("64:ff9b::/96")


#: Names and values of a query.
Parameters = Sequence[tuple[str, str]]


#: Wildcards, and what parts a name, stay as they are in a query, as browsers leave them: not every server decodes them.
_PLAIN = "*?^"


@dataclass(frozen=True, kw_only=True)
class CallRules:
    """What holds for every call."""

    #: Hosts, besides this machine, that may be called without TLS.
    plain_http_hosts: tuple[str, ...] = ()
    #: PEM file with authorities that are trusted besides the system's.
    authorities: Path | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> "CallRules":
        """Take the rules that a site sets."""
        return cls(plain_http_hosts=settings.plain_http_hosts, authorities=settings.outgoing_ca)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer of which the head has come."""

    status: int
    content_type: str
    _response: "httpx.Response" = field(repr=False)

    def pieces(self) -> Iterator[bytes]:
        """Give the body as it comes.

        Raises
        ------
        PeerUnavailable
            It breaks off, or comes too slowly.
        """
        import httpx

        begin, received = time.monotonic(), 0
        try:
            for piece in self._response.iter_raw():
                received += len(piece)
                if time.monotonic() - begin > PATIENCE_SECONDS + received / BYTES_PER_SECOND:
                    raise PeerUnavailable("The answer comes too slowly.")
                yield piece
        except httpx.HTTPError as error:
            raise PeerUnavailable(f"The answer broke off: {_words(error)}.") from error


class WebCaller:
    """Calls the services below one address; close it when done."""

    def __init__(self, url: str, *, rules: CallRules, user_name: str = "", secret: str = "") -> None:
        import httpx

        self._url = httpx.URL(url.rstrip("/"))
        self._rules = rules
        self._check_encryption()
        self._headers = {"Host": self._url.netloc.decode(), "Accept-Encoding": "identity", "User-Agent": "kahua"}
        self._auth = httpx.BasicAuth(user_name, secret) if user_name else None
        if secret and not user_name:
            self._headers["Authorization"] = f"Bearer {secret}"
        self._client = httpx.Client(
            verify=trust(rules.authorities) if self._url.scheme == "https" else True,
            timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
            follow_redirects=False,
            trust_env=False,
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def json(self, path: str, *, params: Parameters = (), accept: str = "application/dicom+json") -> Any:
        """Get an answer as JSON; None if there is nothing (status 204).

        Raises
        ------
        PeerUnavailable
            The peer does not answer as it should.
        """
        with self.call("GET", path, params=params, headers={"Accept": accept}) as answer:
            body = bytearray()
            for piece in answer.pieces():
                body += piece
                if len(body) > MAX_JSON_BYTES:
                    raise PeerUnavailable(f"The answer is larger than {MAX_JSON_BYTES} bytes.")
        if not body:
            return None
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise PeerUnavailable("The answer is no JSON.", remedy="Is the address that of DICOMweb?") from error

    @contextmanager
    def call(
        self,
        method: str,
        path: str,
        *,
        params: Parameters = (),
        headers: Mapping[str, str] | None = None,
        content: Iterator[bytes] | None = None,
        taken: tuple[int, ...] = (200, 204, 206),
    ) -> Iterator[Answer]:
        """Ask for something, and read the answer in a `with` block.

        Raises
        ------
        NotFound, PeerUnavailable
            The peer does not have it, or does not answer as it should.
        """
        address = self._address()
        url = self._url.copy_with(path=self._url.path.rstrip("/") + path, host=address, query=_query(params))
        import httpx

        try:
            with self._client.stream(
                method,
                url,
                headers={**self._headers, **(headers or {})},
                content=content,
                auth=self._auth,
                extensions={"sni_hostname": self._url.host},
            ) as response:
                self._check(response, taken)
                yield Answer(
                    status=response.status_code,
                    content_type=response.headers.get("content-type", ""),
                    _response=response,
                )
        except httpx.HTTPError as error:
            raise PeerUnavailable(f"{self._url.host} does not answer: {_words(error)}.") from error

    def _check(self, response: "httpx.Response", taken: tuple[int, ...]) -> None:
        """Say in words what the peer does not do."""
        status, host = response.status_code, self._url.host
        if status in taken:
            if response.headers.get("content-encoding", "identity").lower() != "identity":
                raise PeerUnavailable(f"{host} compresses its answer, which was not asked for.")
            return
        if status in (401, 403):
            raise PeerUnavailable(
                f"{host} does not let this site in (status {status}).", remedy="Correct user and secret of the peer."
            )
        if status in (404, 410):
            raise NotFound(f"{host} does not have this.", remedy="Is the address that of its DICOMweb service?")
        if 300 <= status < 400:
            raise PeerUnavailable(
                f"{host} leads elsewhere (status {status}), which is not followed.",
                remedy="Give the address to which it leads.",
            )
        raise PeerUnavailable(f"{host} answers with status {status}.")

    def _check_encryption(self) -> None:
        host = self._url.host
        if self._url.scheme != "https" and not _is_this_machine(host) and host not in self._rules.plain_http_hosts:
            raise InvalidInput(
                f"{host} would be called without TLS: images and secrets could be read on the way.",
                field="url",
                remedy="Use https, or name the host in plain_http_hosts.",
            )

    def _address(self) -> str:
        """Resolve the host; all of its addresses must be such as may be called."""
        host = self._url.host
        try:
            found = {str(each[4][0]) for each in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
        except OSError as error:
            raise PeerUnavailable(f"The host {host} is not known.", remedy="Check the name.") from error
        for address in found:
            check_address(host, ip_address(address.partition("%")[0]))
        return min(found, key=lambda address: (":" in address, address))


def check_address(host: str, address: IPv4Address | IPv6Address) -> None:
    """Refuse addresses at which no peer can be.

    Raises
    ------
    InvalidInput
        It tells secrets of a machine, is no single machine's, or is this machine under another name.
    """
    real = _meant(address)
    elsewhere = real.is_link_local or real.is_multicast or real.is_unspecified or any(real in net for net in METADATA)
    if elsewhere or (real.is_loopback and not _is_this_machine(host)):
        raise InvalidInput(
            f"{host} is at {real}, which is not called.", field="url", remedy="Give the address of the peer itself."
        )


def _meant(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the address of IPv4 to which one of IPv6 leads: mapped, by 6to4, Teredo or NAT64; any other as it is."""
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else address)


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def trust(authorities: Path | None) -> ssl.SSLContext:
    """Trust the system's authorities, and those of a file.

    Raises
    ------
    MisconfiguredSite
        The file cannot be read.
    """
    context = ssl.create_default_context()
    if authorities is not None:
        try:
            context.load_verify_locations(authorities)
        except (OSError, ssl.SSLError) as error:
            raise MisconfiguredSite(
                f"The authorities in {authorities} cannot be read.",
                setting="outgoing_ca",
                remedy="Name a PEM file with certificates.",
            ) from error
    return context


def is_sent_as_it_is(letter: str) -> bool:
    """Whether a letter of a parameter's value is in the address as it is, not percent-encoded."""
    return quote(letter, safe=_PLAIN) == letter


def _query(params: Parameters) -> bytes | None:
    return "&".join(f"{name}={quote(value, safe=_PLAIN)}" for name, value in params).encode() or None


def _words(error: "httpx.HTTPError") -> str:
    """Say what failed; some of the library's errors carry no words."""
    return str(error) or type(error).__name__
