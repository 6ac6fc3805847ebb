"""The page that raters see: one HTML file with its script and data inside, videos and sounds next to it.

Nothing is loaded from elsewhere, and a Content-Security-Policy with the digests of the one script and the
one style lets nothing else run. Pages opened from a disk work too.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from thbench.api import UserError
from thbench.errors import printable_text
from thbench.files.atomic import atomic_write
from thbench.study.beeps import EXAMPLE, FEWEST, MOST
from thbench.study.form import StudyKey
from thbench.study.identifiers import noise

_LOCAL = ("localhost", "127.0.0.1", "[::1]")


def write_page(
    site: Path, key: StudyKey, words: Mapping[str, Mapping[str, Any]], post: str | None
) -> None:
    """Write SITE/index.html and the example of the headphone check."""
    import random

    from thbench.study.beeps import write_beeps

    rng = random.Random(noise(key.secret, "example", 16))  # noqa: S311
    if key.beeps:
        write_beeps(site / "s" / "example.wav", EXAMPLE, rng)
    script, style = _asset("study.js"), _asset("study.css")
    page = _pages().get_template("index.html.j2").render(
        title=printable_text(key.title) or next(iter(words.values()))["title"],
        language=next(iter(words)),
        policy=policy(script, style, post),
        script=Markup(script),  # noqa: S704  ours
        style=Markup(style),  # noqa: S704  ours
        data=Markup(_json(page_data(key, words, post))),  # noqa: S704  escaped by _json
    )  # fmt: skip
    atomic_write(site / "index.html", page, durable=False)


def page_data(
    key: StudyKey, words: Mapping[str, Mapping[str, Any]], post: str | None
) -> dict[str, Any]:
    """All that the page knows: opaque names and words; neither kinds of trials nor what is right."""
    lists = [[_trial(key, name) for name in trials] for trials in key.lists]
    return {
        "study": key.study,
        "title": key.title,
        "form": key.form,
        "layout": key.layout,
        "tie": key.tie,
        "questions": list(key.questions),
        "words": words,
        "lists": lists,
        "sounds": list(key.beeps),
        "counts": [0, MOST + 2] if key.beeps else [FEWEST, MOST],
        "post": post,
    }


def _trial(key: StudyKey, name: str) -> dict[str, Any]:
    trial = key.trials[name]
    return {"id": name, "videos": [v for v in (trial.left, trial.right) if v is not None]}


def policy(script: str, style: str, post: str | None) -> str:
    """The Content-Security-Policy of the page; `post` is the one address that answers may go to."""
    return "; ".join([
        "default-src 'none'",
        f"script-src 'sha256-{_sha256(script)}'",
        f"style-src 'sha256-{_sha256(style)}'",
        "media-src 'self' blob: file:",
        f"connect-src 'self' {origin(post)}".rstrip(),
        "base-uri 'none'",
        "form-action 'none'",
    ])  # fmt: skip


def origin(post: str | None) -> str:
    """`https://host:port` of an address. Raises UserError for one that answers should not go to."""
    if post is None:
        return ""
    parts = urlsplit(post)
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    plain = all(c.isascii() and c.isprintable() and c not in " \"'<>;,\\" for c in post)
    if (
        not plain
        or not parts.hostname
        or parts.username
        or not (parts.scheme == "https" or (parts.scheme == "http" and local))
    ):
        raise UserError(
            f"--post {post}: no https address", "e.g. --post https://example.org/answers"
        )
    return f"{parts.scheme}://{parts.netloc}"


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _json(data: Any) -> str:
    """JSON in ASCII that cannot end the element it stands in."""
    text = json.dumps(_shown(data), separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _shown(data: Any) -> Any:
    """Texts without characters that hide or turn others."""
    if isinstance(data, str):
        return printable_text(data)
    if isinstance(data, Mapping):
        return {_shown(name): _shown(value) for name, value in data.items()}
    return [_shown(item) for item in data] if isinstance(data, list | tuple) else data


def _asset(name: str) -> str:
    return files("thbench.study").joinpath("assets", name).read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _pages() -> Environment:
    return Environment(
        loader=PackageLoader("thbench.study", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
