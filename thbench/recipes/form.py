"""What a recipe file says of a program: where it is from, what it needs, how it frames, what it does oddly."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from thbench.files.yamlfile import Document, validated

PAGE = "docs/recipes.md"
Kind: TypeAlias = Literal["uv", "venv", "conda", "docker", "apptainer"]


class _Section(BaseModel):
    """Unknown keys and values of another type are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class EnvironmentForm(_Section):
    """How the program's environment is made, below the program's folder.

    env         uv, venv: a virtual environment; conda: an environment of its own; docker, apptainer: an image
    python      version, of uv, venv and conda
    install     words of one `pip install` each, in this order
    packages    conda: words of `conda create`
    file        conda: an environment.yaml; docker: a Dockerfile; apptainer: a definition; below the program's folder
    lock        a file beside the recipe, used instead of install, packages and file: pinned requirements of pip, or
                an explicit list of conda
    needs       programs that must be on the PATH
    """

    env: Kind
    python: str = Field(default="", pattern=r"^(3\.\d+(\.\d+)?)?$")
    install: list[list[str]] = []
    packages: list[str] = []
    file: str = ""
    lock: str = ""
    needs: list[str] = []

    @model_validator(mode="after")
    def _is_whole(self) -> EnvironmentForm:
        if self.env in ("uv", "venv") and not self.python:
            raise ValueError(f"env: {self.env} needs python, a version")
        if self.env in ("docker", "apptainer") and not self.file:
            raise ValueError(f"env: {self.env} needs file, what the image is built from")
        if self.env not in ("conda",) and self.packages:
            raise ValueError("packages are conda's")
        for path in (self.file, self.lock):
            if path.startswith("/") or ".." in path.split("/"):
                raise ValueError(f"{path} leaves its folder")
        return self


class WeightsForm(_Section):
    """A file or folder that must lie below the program's folder, and where its authors give it."""

    file: str
    url: str = Field(pattern=r"^https?://\S+$")
    licence: str
    sha256: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")


class FramingForm(_Section):
    """In `size` pixels: pasted-back: the face into the picture that was given; whole-picture: that picture, resized;
    own-crop: a square that the program chose around the face."""

    mode: Literal["pasted-back", "whole-picture", "own-crop"]
    size: int = Field(ge=16)
    note: str = ""


class OutputForm(_Section):
    """The video as the program writes it; `name` with what changes in {braces}."""

    name: str
    codec: str
    fps: str
    length: str


class TrainingForm(_Section):
    """What its authors say that it was trained on; `dataset` as thbench calls it, where that is one it knows."""

    declared: str
    dataset: str = ""
    actors: str = ""


class AboutForm(_Section):
    """The section `recipe` of a recipe file."""

    title: str
    paper: str = ""
    repository: str = Field(pattern=r"^(https?|file)://\S+$")
    commit: str = Field(pattern=r"^[0-9a-f]{40}$")
    licence: str
    tested: str
    published: str
    environment: EnvironmentForm
    weights: list[WeightsForm] = []
    framing: FramingForm
    output: OutputForm
    training: TrainingForm
    quirks: list[str] = []


class _FileForm(_Section):
    """So that errors name the line."""

    recipe: AboutForm


def about_of(document: Document) -> AboutForm | None:
    """The section `recipe` of a file; None for one that has `systems` alone. Raises UserError naming the line."""
    _only(document)
    given = document.data.get("recipe")
    if given is None:
        return None
    if not isinstance(given, dict):
        raise document.error(("recipe",), "a mapping of keys is expected", f"see {PAGE}")
    about = validated(document, _FileForm, {"recipe": given}, PAGE).recipe
    _check_framing(document, about)
    return about


def systems_of(document: Document) -> dict[str, Any]:
    """The section `systems`. Raises UserError where there is none."""
    _only(document)
    added = document.data.get("systems")
    if not isinstance(added, dict):
        raise document.error((), "a recipe has `systems`, `recipe` and nothing else", f"see {PAGE}")
    return added


def _only(document: Document) -> None:
    extra = [key for key in document.data if key not in ("systems", "recipe")]
    if extra:
        raise document.error(
            (str(extra[0]),), "a recipe has `systems`, `recipe` and nothing else", f"see {PAGE}"
        )


def _check_framing(document: Document, about: AboutForm) -> None:
    """A program that returns its own crop is cut around the face; one that pastes back is taken as it is."""
    for name, entry in systems_of(document).items():
        crop = entry.get("crop", "as-reference") if isinstance(entry, dict) else ""
        if (about.framing.mode == "own-crop") != (crop == "own-face"):
            wanted = "own-face" if about.framing.mode == "own-crop" else "as-reference"
            raise document.error(
                ("systems", str(name)),
                f"framing is declared {about.framing.mode}, and crop is {crop}",
                f"crop: {wanted}",
            )
