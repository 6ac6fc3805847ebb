"""Chromium without a window, driven over its own debugging pipe: no driver program, no dependency."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FLAGS = (
    "--headless=new", "--remote-debugging-pipe", "--no-first-run", "--no-sandbox", "--disable-gpu",
    "--disable-background-networking", "--disable-component-update", "--mute-audio",
    "--hide-scrollbars", "--force-device-scale-factor=1",
)  # fmt: skip
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"


def installed() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Page:
    """One tab. `problems` are console errors and exceptions, `requests` every address it asked for."""

    def __init__(self, program: str) -> None:
        self.profile = tempfile.mkdtemp(prefix="thbench-chromium-")
        ours_read, theirs_write = os.pipe()
        theirs_read, self._write = os.pipe()
        self._read = ours_read
        quiet = os.open(os.devnull, os.O_WRONLY)
        words = [program, *FLAGS, f"--user-data-dir={self.profile}", "about:blank"]
        self.pid = os.posix_spawn(
            words[0],
            words,
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, theirs_read, 3),
                (os.POSIX_SPAWN_DUP2, theirs_write, 4),
                (os.POSIX_SPAWN_DUP2, quiet, 1),
                (os.POSIX_SPAWN_DUP2, quiet, 2),
            ],
            setpgroup=0,
        )
        for end in (theirs_read, theirs_write, quiet):
            os.close(end)
        self._buffer, self._id, self._session, self._context = b"", 0, "", ""
        self.problems: list[str] = []
        self.requests: list[str] = []
        self.renew()

    def renew(self) -> None:
        """As another person on another device: nothing stored, an empty page, light, 1280 x 900."""
        self._session, old = "", self._context
        self._context = self.call("Target.createBrowserContext")["browserContextId"]
        place = {"url": "about:blank", "browserContextId": self._context}
        target = self.call("Target.createTarget", place)["targetId"]
        if old:
            self.call("Target.disposeBrowserContext", {"browserContextId": old})
        attached = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.size(1280, 900)
        scheme(self, "light")

    def call(self, method: str, parameters: Mapping[str, Any] | None = None) -> Any:
        self._id += 1
        message: dict[str, Any] = {"id": self._id, "method": method, "params": parameters or {}}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next(60)
            if answer.get("id") == self._id:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self._event(answer)

    def _next(self, seconds: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            if not select.select([self._read], [], [], seconds)[0]:
                raise TimeoutError(f"no answer from Chromium in {seconds} s")
            data = os.read(self._read, 1 << 16)
            if not data:
                raise RuntimeError("Chromium has ended")
            self._buffer += data
        message, _, self._buffer = self._buffer.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found

    def _event(self, event: Mapping[str, Any]) -> None:
        data = event.get("params", {})
        match event.get("method"):
            case "Network.requestWillBeSent":
                self.requests.append(data["request"]["url"])
            case "Runtime.exceptionThrown":
                self.problems.append(str(data["exceptionDetails"].get("exception", data)))
            case "Runtime.consoleAPICalled" if data["type"] in ("error", "assert"):
                self.problems.append(str(data["args"]))
            case "Log.entryAdded" if data["entry"]["level"] == "error":
                self.problems.append(f"{data['entry']['text']} {data['entry'].get('url', '')}")

    def size(self, width: int, height: int) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", metrics)

    def open(self, address: str) -> None:
        """Load a page from scratch, also where only the part after # differs.

        Navigating is answered before the old page has gone, so the empty page is waited for.
        """
        self.call("Page.navigate", {"url": "about:blank"})
        self.wait("location.href === 'about:blank'")
        self.call("Page.navigate", {"url": address})
        self.wait(
            "document.readyState === 'complete' && document.documentElement.className === 'js'"
        )

    def go(self, place: str) -> None:
        self.run(f"location.hash = {json.dumps(place)}; 1")

    def run(self, expression: str) -> Any:
        """The value of a JavaScript expression; promises are awaited."""
        asked = {"expression": expression, "awaitPromise": True, "returnByValue": True}
        answer = self.call("Runtime.evaluate", asked)
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"].get("exception")))
        return answer["result"].get("value")

    def wait(self, condition: str, seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while not self.run(f"Boolean({condition})"):
            if time.monotonic() > end:
                raise TimeoutError(f"{condition}; {self.problems}")
            time.sleep(0.05)

    def settle(self) -> None:
        """Wait until what was asked for has been handled and drawn twice."""
        drawn = "requestAnimationFrame(() => requestAnimationFrame(done))"
        self.run(f"new Promise(done => setTimeout(() => {drawn}, 0)).then(() => 1)")

    def click(self, selector: str) -> None:
        """A real click of the mouse in the middle of the first element that fits."""
        self.wait(f"document.querySelector({json.dumps(selector)})")
        x, y = self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            "e.scrollIntoView({block: 'center'}); const b = e.getBoundingClientRect();"
            "return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            event = {"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1}
            self.call("Input.dispatchMouseEvent", event)

    def key(self, key: str, code: int = 0) -> None:
        for kind in ("rawKeyDown", "keyUp"):
            event = {"type": kind, "key": key, "windowsVirtualKeyCode": code}
            self.call("Input.dispatchKeyEvent", event)

    def screenshot(self, path: Path, whole: bool = False) -> None:
        asked = {"format": "png", "captureBeyondViewport": whole}
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", asked)["data"]))

    def close(self) -> None:
        self._session = ""
        try:
            self.call("Browser.close")
        except (RuntimeError, TimeoutError, OSError):
            os.killpg(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        for end in (self._read, self._write):
            os.close(end)
        shutil.rmtree(self.profile, ignore_errors=True)


def scheme(page: Page, name: str) -> None:
    """`light` or `dark`, as the person's system says it."""
    features = [{"name": "prefers-color-scheme", "value": name}]
    page.call("Emulation.setEmulatedMedia", {"features": features})


def violations(page: Page) -> list[Any]:
    """Rules of axe-core that the page as it is shown breaks, each with up to three places."""
    if not page.run("typeof axe !== 'undefined'"):
        page.call("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
    words = page.run(
        "axe.run(document, {resultTypes: ['violations']}).then(r => JSON.stringify("
        "r.violations.map(v => [v.id, v.nodes.slice(0, 3).map(n => n.html.slice(0, 200))])))"
    )
    found: list[Any] = json.loads(words)
    return found
