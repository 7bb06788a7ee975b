"""Requests that are framed to confuse or to exhaust the web server: a refusal, and everybody else is served."""

import gzip
import socket
import time
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from .running import Client, RunningSite, wait_for

MULTIPART = b'Content-Type: multipart/related; type="application/dicom"; boundary=edge\r\n'
STOW = b"POST /dicom-web/main/studies HTTP/1.1\r\n"

#: Longest wait for an answer, in seconds.
PATIENCE = 30


def head(client: Client, start: bytes, *headers: bytes) -> bytes:
    """Write the head of a request of somebody who may store."""
    own = f"Host: localhost\r\nAuthorization: {client.http.headers['Authorization']}\r\n".encode()
    return start + own + b"".join(headers) + b"\r\n"


def exchange(site: RunningSite, request: bytes) -> bytes:
    """Send bytes, and read what comes until the connection is closed or there is a whole head."""
    with connect(site) as connection:
        with suppress(ConnectionError):  # closed while we still sent: what it has said can be read all the same
            connection.sendall(request)
        answer = b""
        with suppress(ConnectionError):
            while b"\r\n\r\n" not in answer and (piece := connection.recv(65_536)):
                answer += piece
        return answer


def connect(site: RunningSite) -> socket.socket:
    address = urlsplit(site.url)
    assert address.port
    return socket.create_connection(("127.0.0.1", address.port), timeout=PATIENCE)


def status(answer: bytes) -> int:
    return int(answer.split()[1])


def web_memory(site: RunningSite) -> int:
    """Bytes of memory of the web part."""
    process = psutil.Process(site.parts()["web"])
    return int(process.memory_info().rss)


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ((MULTIPART, b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"), b"0\r\n\r\n", 400),
        ((MULTIPART, b"Transfer-Encoding: chunked\r\n"), b"ZZZ\r\n", 400),
        ((MULTIPART, b"Transfer-Encoding: gzip\r\n"), b"", 400),
        ((MULTIPART, b"Content-Length: -1\r\n"), b"", 400),
        ((b"X: " + b"a" * 1_000_000 + b"\r\n",), b"", 431),
        (tuple(b"X%d: a\r\n" % number for number in range(5000)), b"", 431),
    ],
)
def test_a_request_that_is_framed_wrongly_is_refused(
    site: RunningSite, client: Client, headers: tuple[bytes, ...], body: bytes, expected: int
) -> None:
    assert status(exchange(site, head(client, STOW, *headers) + body)) == expected
    assert client.http.get("/readyz").is_success


def test_no_buffer_is_as_large_as_a_header_says(site: RunningSite, client: Client) -> None:
    before = web_memory(site)
    with connect(site) as connection:
        connection.sendall(head(client, STOW, MULTIPART, b"Content-Length: 4294967296\r\n") + b"--edge\r\n")
        time.sleep(0.5)
        assert web_memory(site) - before < 50_000_000
    json = head(client, b"POST /api/projects HTTP/1.1\r\n", b"Content-Length: 4294967296\r\n")
    assert status(exchange(site, json + b"{")) == 413


def test_a_body_without_end_ends_at_the_limit(site: RunningSite, client: Client) -> None:
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    request = head(client, b"POST /api/projects HTTP/1.1\r\n", b"Transfer-Encoding: chunked\r\n")
    assert status(exchange(site, request + 64 * chunk)) == 413


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd", "gzip, gzip"])
@pytest.mark.parametrize("path", ["/dicom-web/main/studies", "/api/projects", "/api/projects/main/uploads"])
def test_a_compressed_body_is_refused_before_it_is_read(client: Client, path: str, encoding: str) -> None:
    bomb = gzip.compress(bytes(10_000_000))
    answer = client.http.post(path, content=bomb, headers={"Content-Encoding": encoding})
    assert answer.status_code == 415
    assert answer.json()["code"] == "unsupported-media"
    assert "Content-Encoding" in answer.json()["remedy"]


def test_a_request_that_breaks_off_is_no_error_of_the_site(site: RunningSite, client: Client) -> None:
    log = site.folder / "logs" / "web.log"
    before = log.stat().st_size
    with connect(site) as connection:
        connection.sendall(head(client, STOW, MULTIPART, b"Content-Length: 5000\r\n") + b"--edge\r\n")
    wait_for(lambda: "request broken off" in log.read_text()[before:], "a line in the log")
    assert "level=error" not in log.read_text()[before:]


def test_hundreds_of_connections_that_say_nothing_keep_nobody_out(site: RunningSite) -> None:
    silent = [connect(site) for _ in range(300)]
    try:
        for number, connection in enumerate(silent):
            connection.sendall(b"GET /heal" if number % 2 else b"G")
        assert httpx.get(f"{site.url}/readyz", timeout=PATIENCE).is_success, "on a new connection"
        assert all(map(is_open, silent)), "it did not wait for the end of one of them"
    finally:
        for connection in silent:
            connection.close()


def test_hundreds_of_requests_that_store_and_stop_in_the_middle_take_little_memory(
    site: RunningSite, client: Client
) -> None:
    part = b"--edge\r\nContent-Type: application/dicom\r\n\r\n" + bytes(1_900_000)
    request = head(client, STOW, MULTIPART, b"Content-Length: 5000000\r\n") + part
    before = web_memory(site)
    begun = [connect(site) for _ in range(200)]
    try:
        for connection in begun:
            connection.settimeout(0)
            connection.send(request)  # as much as the system takes
        last = begun[-1]
        last.settimeout(PATIENCE)
        answer = last.recv(65_536)
        assert status(answer) == 503
        assert b"retry-after: 5" in answer.lower()
        assert web_memory(site) - before < 150_000_000
        assert client.http.get("/readyz").is_success
    finally:
        for connection in begun:
            connection.close()
    wait_for(lambda: client.http.post("/dicom-web/main/studies", **EMPTY).status_code == 400, "a turn again")


#: A body without parts.
EMPTY: dict[str, Any] = {
    "content": b"--edge--\r\n",
    "headers": {"Content-Type": 'multipart/related; type="application/dicom"; boundary=edge'},
}


def is_open(connection: socket.socket) -> bool:
    """Whether the other side has neither closed a connection nor said anything."""
    connection.settimeout(0)
    try:
        connection.recv(1)
    except BlockingIOError:
        return True
    return False


def test_a_head_that_comes_byte_by_byte_is_cut_off(site: RunningSite) -> None:
    with connect(site) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nX: ")
        with pytest.raises(ConnectionError):
            drip(connection)


def drip(connection: socket.socket) -> None:
    """Send byte by byte for as long as a patient client waits."""
    for _ in range(PATIENCE * 5):
        connection.sendall(b"a")
        time.sleep(0.2)
