"""What a study's page says, by language: shipped texts, and a person's own from a YAML."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from thbench.api import UserError
from thbench.files.yamlfile import Document, parse_yaml, read_yaml, validated

LANGUAGES = ("en", "de", "fr", "es", "zh")
"""Shipped: thbench/study/wording/*.yaml."""
_PAGE = "docs/human_study.md"
Text = Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class QuestionWords(_Form):
    """How a question is asked of two videos and of one."""

    pair: Text
    single: Text


class Words(_Form):
    """Every text of the page in one language; `{n}`, `{of}` and `{count}` stand for numbers."""

    name: Text
    title: Text
    intro_pair: Text
    intro_single: Text
    privacy: Text
    start: Text
    resume: Text
    sound_check: Text
    example: Text
    example_heard: Text
    beeps: Text
    beeps_question: Text
    play: Text
    play_a: Text
    play_b: Text
    play_both: Text
    loading: Text
    not_loaded: Text
    retry: Text
    watch: Text
    better_a: Text
    better_b: Text
    tie: Text
    ratings: Annotated[list[Text], Field(min_length=5, max_length=5)]
    keys_pair: Text
    keys_both: Text
    keys_single: Text
    next: Text
    progress: Text
    done: Text
    send: Text
    sending: Text
    sent: Text
    not_sent: Text
    download: Text
    copy_text: Text
    copied: Text
    questions: dict[str, QuestionWords]


def wording(
    languages: Sequence[str], questions: Sequence[str], own: Path | None
) -> dict[str, dict[str, Any]]:
    """Language -> texts, of these languages and questions.

    own  a YAML: language -> texts that replace shipped ones, or all of them of another language

    Raises UserError naming file, line and key for an unknown or missing text, and where a language or a
    question has no words.
    """
    given = read_yaml(own) if own else Document("wording", {})
    found = {}
    for language in languages:
        words = _own(language, given) if language in given.data else _shipped(language)
        for question in questions:
            if question not in words.questions:
                raise UserError(
                    f"question '{question}' has no words in '{language}'",
                    f"known: {', '.join(words.questions)}; others in --wording, see {_PAGE}",
                )
        data = words.model_dump(mode="json")
        data["questions"] = {name: data["questions"][name] for name in questions}
        found[language] = data
    return found


def _own(language: str, given: Document) -> Words:
    """Those of the file, over the shipped ones where there are any."""
    own = given.at((language,))
    inner = {key[1:]: line for key, line in given.lines.items() if key[0] == language and key[1:]}
    document = Document(f"{given.file} ({language})", dict(own), inner)
    if language not in LANGUAGES:
        return validated(document, Words, document.data, _PAGE)
    base = _shipped(language).model_dump(mode="python")
    asked = own.get("questions")
    questions = {**base["questions"], **asked} if isinstance(asked, dict) else base["questions"]
    return validated(document, Words, {**base, **own, "questions": questions}, _PAGE)


def _shipped(language: str) -> Words:
    if language not in LANGUAGES:
        raise UserError(
            f"--languages: no words for '{language}'",
            f"shipped: {', '.join(LANGUAGES)}; others in --wording, see {_PAGE}",
        )
    place = files("thbench.study").joinpath("wording", f"{language}.yaml")
    text = place.read_text(encoding="utf-8")
    document = parse_yaml(text, f"{language}.yaml", Path())
    return validated(document, Words, document.data, _PAGE)
