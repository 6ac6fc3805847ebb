"""Downloads of weights end: whatever a server sends, and however slowly."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from thbench.api import UserError, WeightsFile
from thbench.plugins import weights

SIZE = 300_000
PAGE = b"\n <!DOCTYPE html><html>please log in</html>" + b" " * SIZE


class _Server(BaseHTTPRequestHandler):
    sent = 0

    def do_GET(self) -> None:
        self.send_response(200)
        if self.path == "/stated":
            self.send_header("Content-Length", str(10**10))
        self.end_headers()
        with suppress(OSError):
            if self.path == "/page":
                self.wfile.write(PAGE)
            while self.path == "/endless":
                self.wfile.write(bytes(65536))
                _Server.sent += 65536
            while self.path == "/drip":
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.02)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("THBENCH_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.delenv("THBENCH_OFFLINE", raising=False)
    running = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("endless", "over 400000 bytes"),
        ("stated", "10000000000 bytes, about 300000 were expected"),
        ("page", "a page of text, not weights"),
        ("drip", "slower than"),
    ],
)
def test_what_never_ends_or_is_no_weights_is_refused(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, reason: str
) -> None:
    monkeypatch.setattr(weights, "_SHORTEST", 0.5)
    monkeypatch.setattr(weights, "_SLOWEST", 10**9)
    if path != "drip":
        monkeypatch.setattr(weights, "_SHORTEST", 60.0)
    item = WeightsFile("net", "net.bin", (f"{server}/{path}",), None, SIZE, "MIT", True)
    with pytest.raises(UserError, match=reason):
        weights.fetch("net", {"net": item})
    assert not list((tmp_path / "weights").glob("*"))
    assert _Server.sent < 100_000_000
