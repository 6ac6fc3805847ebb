"""Suites: strict keys with file and line, frozen meaning, recorded overrides."""

from __future__ import annotations

from pathlib import Path

import pytest

from runs import EVERY_CONTROL, SUITE, suite_from
from thbench.errors import UserError


def refused(folder: Path, text: str, overrides: tuple[str, ...] = ()) -> str:
    with pytest.raises(UserError) as caught:
        suite_from(folder, text, overrides)
    return str(caught.value)


def test_a_suite_loads(tmp_path: Path) -> None:
    suite = suite_from(tmp_path)
    assert [s.name for s in suite.systems] == ["echo"]
    assert suite.systems[0].part is not None
    assert suite.systems[0].part.resolved["gain"] == 1.0
    assert suite.resolutions == [32]


@pytest.mark.parametrize(
    ("old", "new", "line", "right"),
    [
        ("primary:", "primry:", 9, "'primary'"),
        ("generator: toy-echo", "generator: toy-ecko", 7, "'toy-echo'"),
        ("resolution: 32", "resolution: 32, gian: 2", 7, "'gain'"),
        ("[toy-brightness]", "[{metric: toy-brightness, scle: 2}]", 8, "'scale'"),
        ("[toy-brightness]", "[toy-brightnes]", 8, "'toy-brightness'"),
        ("[toy-brightness]", "[toy-brightness@dubble]", 8, "'double'"),
        ("name: toy}", "name: toy, n_actor: 2}", 3, "'n_actors'"),
        ("seed: 7", "seed: 7\nlimits: {clps: 2}", 6, "'clips'"),
        ("seed: 7", "seed: 7\ncontrols: [ground-thruth]", 6, "'ground-truth'"),
    ],
)
def test_a_misspelt_key_names_file_line_and_the_right_one(
    tmp_path: Path, old: str, new: str, line: int, right: str
) -> None:
    message = refused(tmp_path, EVERY_CONTROL.replace(old, new))
    assert f"suite.yaml:{line}:" in message
    assert f"did you mean {right}?" in message


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("resolution: 32", "resolution: 33", "multiple of 2"),
        ("resolution: 32", "resolution: '32'", "valid integer"),
        ("resolution: 32", "resolution: 32, gain: loud", "valid number"),
        ("seed: 7", "seed: seven", "valid integer"),
        ("seed: 7", "seed: 7\nseed: 8", "written twice"),
        ("schema: 1", "schema: 2", "this thbench reads 1"),
        ("schema: 1\n", "", "missing"),
        ("echo:", "ground-truth:", "looks like the control"),
        ("[toy-brightness]", "[toy-brightness, toy-brightness]", "stands twice"),
        ("systems:", "systems: [", "suite.yaml"),
    ],
)
def test_wrong_values_are_refused_in_one_line(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    message = refused(tmp_path, SUITE.replace(old, new))
    assert says in message
    assert "\n" not in message


def test_the_digest_does_not_depend_on_key_order_comments_paths_or_entrants(tmp_path: Path) -> None:
    digest = suite_from(tmp_path).digest
    lines = SUITE.splitlines()
    turned = "\n".join(["# a comment", *lines[4:], *lines[:4]])
    assert suite_from(tmp_path, turned).digest == digest
    assert (
        suite_from(tmp_path, SUITE.replace("name: toy}", "name: toy, root: here}")).digest == digest
    )
    other = SUITE.replace("  echo:", "  more: {generator: toy-echo, resolution: 64}\n  echo:")
    assert suite_from(tmp_path, other).digest == digest
    assert suite_from(tmp_path, SUITE.replace("seed: 7", "seed: 8")).digest != digest
    assert (
        suite_from(tmp_path, SUITE.replace("name: toy}", "name: toy, n_actors: 2}")).digest
        != digest
    )


def test_overrides_take_effect_and_are_recorded(tmp_path: Path) -> None:
    suite = suite_from(
        tmp_path, overrides=("systems.echo.gain=2.5", "seed=9", "metrics.0=toy-extracted")
    )
    assert suite.systems[0].part is not None
    assert suite.systems[0].part.resolved["gain"] == 2.5
    assert suite.seed == 9
    assert suite.metrics[0].plugin.name == "toy-extracted"
    assert suite.overrides == ("systems.echo.gain=2.5", "seed=9", "metrics.0=toy-extracted")


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("systems.ehco.gain=2", "did you mean 'echo'?"),
        ("systems.echo.gian=2", "did you mean 'gain'?"),
        ("seed", "not of the form"),
        ("metrics.5=toy-extracted", "no index"),
        ("seed.deep=1", "cannot be set inside"),
        ("seed=[", "not a YAML value"),
    ],
)
def test_wrong_overrides_are_refused(tmp_path: Path, override: str, says: str) -> None:
    assert says in refused(tmp_path, SUITE, (override,))


def test_relative_paths_start_at_the_file_or_where_they_were_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    text = SUITE.replace("name: toy}", "name: toy, root: data}")
    assert suite_from(tmp_path, text).dataset.options.root == tmp_path / "data"
    typed = suite_from(tmp_path, text, ("dataset.root=mine",))
    assert typed.dataset.options.root == tmp_path / "elsewhere" / "mine"


def test_a_name_with_an_argument_fills_the_plugins_own_option(tmp_path: Path) -> None:
    suite = suite_from(tmp_path, SUITE.replace("[toy-brightness]", "['toy-brightness:1001_AAA']"))
    assert suite.metrics[0].options.on == "1001_AAA"
    message = refused(tmp_path, SUITE.replace("[toy-brightness]", "['toy-extracted:x']"))
    assert "takes no ':x'" in message


def test_a_yaml_bomb_is_refused(tmp_path: Path) -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(
        f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 30)
    )
    assert "expands" in refused(tmp_path, bomb)


def test_unreadable_files_are_one_line(tmp_path: Path) -> None:
    file = tmp_path / "suite.yaml"
    file.write_bytes(b"\xff\xfe\x00")
    from thbench.plugins.discovery import registry
    from thbench.suite import find_suite, load_suite

    with pytest.raises(UserError, match="no UTF-8 text"):
        load_suite(file, registry())
    with pytest.raises(UserError, match="cannot be read"):
        load_suite(tmp_path / "absent.yaml", registry())
    with pytest.raises(UserError, match="one of"):
        find_suite("no-such-suite")


def test_a_misspelt_key_among_a_systems_options_explains_the_one_that_is_missing(
    tmp_path: Path,
) -> None:
    message = refused(tmp_path, SUITE.replace("resolution: 32", "resolutoin: 32"))
    assert message.endswith("resolution: is missing — is 'resolutoin' meant to be it?")
