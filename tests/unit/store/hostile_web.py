"""A DICOMweb server that answers whatever a test wants, however wrong."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

#: Gives status, headers and the pieces of the body of an answer to a path.
Answering = Callable[[str], tuple[int, dict[str, str], Iterator[bytes]]]


@contextmanager
def hostile_server(answering: Answering) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Serve on a free port; give the root of the service, and the headers of each request so far."""
    seen: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append({name.lower(): value for name, value in self.headers.items()})
            status, headers, body = answering(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Connection", "close")
            self.end_headers()
            try:
                for piece in body:
                    self.wfile.write(piece)
            except OSError:
                return  # the client wants no more

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature is the library's
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.05))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/dicom-web", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
