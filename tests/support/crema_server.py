"""A local stand-in for the LFS host, with the faults of real ones."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal

Fault = Literal["cut", "hang", "pointer", "damaged", "busy", "absent", "page", "whole"]


@dataclass
class Host:
    """Serves the files under `root`. `faults` holds for each path what goes wrong, a list's items once each."""

    root: Path
    faults: dict[str, Fault | list[Fault]] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    """(path, Range header) of every request."""
    hanging: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def fault(self, path: str) -> Fault | None:
        fault = self.faults.get(path)
        if isinstance(fault, list):
            return fault.pop(0) if fault else None
        return fault


def pointer_text(content: bytes) -> bytes:
    oid = hashlib.sha256(content).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}\n".encode()


def _handler(host: Host) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *words: object) -> None:
            pass

        def do_GET(self) -> None:
            path = self.path.lstrip("/")
            asked = self.headers.get("Range")
            host.asked.append((path, asked))
            fault = host.fault(path)
            file = host.root / path
            if fault in ("busy", "absent") or not file.is_file():
                self._send(503 if fault == "busy" else 404, b"no")
                return
            content = file.read_bytes()
            if fault == "pointer":
                content = pointer_text(content)
            elif fault == "page":
                content = b"<!DOCTYPE html><title>Sign in</title>"
            elif fault == "damaged":
                content = bytes([content[0] ^ 1]) + content[1:]
            start = int(asked[6:-1]) if asked and fault != "whole" else 0
            if start >= len(content):
                self._send(416, b"")
                return
            self._send(206 if start else 200, content[start:], start, len(content), fault)

        def _send(
            self, code: int, body: bytes, start: int = 0, total: int = 0, fault: Fault | None = None
        ) -> None:
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            if code == 206:
                self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
            self.end_headers()
            if fault not in ("cut", "hang"):
                self.wfile.write(body)
                return
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            if fault == "hang":
                host.hanging.set()
                host.release.wait(60)
            self.close_connection = True

    return Handler


@contextmanager
def serving(root: Path) -> Iterator[Host]:
    host = Host(root)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(host))
    server.daemon_threads = True
    host.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield host
    finally:
        host.release.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
