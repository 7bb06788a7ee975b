"""A DICOMweb server that takes instances by STOW-RS and answers as a test wants (PS3.18 section 10.5)."""

import email
import email.policy
import io
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
from pydicom import Dataset, dcmread

#: Gives the status and the body of the answer to a request with these instances.
Answering = Callable[[Sequence[Dataset]], tuple[int, bytes]]


@contextmanager
def storing_server(answering: Answering) -> Iterator[str]:
    """Serve on a free port; give the root of the service."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, body = answering([dcmread(io.BytesIO(part)) for part in self._parts()])
            self.send_response(status)
            self.send_header("Content-Type", "application/dicom+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _parts(self) -> Iterator[bytes]:
            head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
            message = email.message_from_bytes(head + self._body(), policy=email.policy.HTTP)
            assert isinstance(message, EmailMessage)
            for part in message.iter_parts():
                content = part.get_payload(decode=True)
                yield content if isinstance(content, bytes) else b""

        def _body(self) -> bytes:
            if "Content-Length" in self.headers:
                return self.rfile.read(int(self.headers["Content-Length"]))
            chunks = []
            while size := int(self.rfile.readline(), 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.05))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/dicom-web"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def told(stored: Sequence[Dataset], failed: Sequence[tuple[Dataset, int]] = ()) -> bytes:
    """Write what became of instances: those that were stored, and those that failed, with their reason."""
    answer: dict[str, list[dict[str, Any]]] = {
        "00081199": [_reference(instance) for instance in stored],
        "00081198": [
            {**_reference(instance), "00081197": {"vr": "US", "Value": [reason]}} for instance, reason in failed
        ],
    }
    return orjson.dumps({tag: {"vr": "SQ", "Value": items} for tag, items in answer.items() if items})


def _reference(instance: Dataset) -> dict[str, Any]:
    return {"00081155": {"vr": "UI", "Value": [str(instance.SOPInstanceUID)]}}
