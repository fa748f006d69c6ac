"""runtime/config: what is wrong is named with its place and its remedy; what is right is typed."""

from __future__ import annotations

import re
import tomllib
from dataclasses import asdict, fields
from pathlib import Path

import pytest

from stereocast.engine.errors import ConfigError
from stereocast.runtime.config import Config, load

PROFILES = sorted((Path(__file__).resolve().parents[2] / "configs").glob("*.toml"))


@pytest.fixture
def refusal(tmp_path: Path):
    """Load a file live.toml with this text, and return the message that refuses it."""

    def refuse(text: str) -> str:
        file = tmp_path / "live.toml"
        file.write_text(text)
        with pytest.raises(ConfigError) as error:
            load(file)
        assert "\n" not in str(error.value)
        return str(error.value).replace(str(tmp_path) + "/", "")

    return refuse


def refused(*settings: str) -> str:
    with pytest.raises(ConfigError) as error:
        load(None, settings)
    return str(error.value)


A_NUMBER = "must be a finite number, got"

MISTAKES_IN_FILES = {
    "[stereo]\nstrenght = 3": "unknown key 'stereo.strenght'. Did you mean 'stereo.strength'?",
    "[sterio]": "unknown key 'sterio'. Did you mean 'stereo'?",
    "[refine]\nqqq = 1": "unknown key 'refine.qqq'. Known: mode, core, runner, gate, bound, trust.",
    "stereo = 3": "'stereo' is a table, got 3",
    "[stereo]\nstrength = 'much'": f"'stereo.strength' {A_NUMBER} 'much'",
    "[stereo]\nstrength = nan": f"'stereo.strength' {A_NUMBER} nan",
    "[stereo]\nstrength = true": f"'stereo.strength' {A_NUMBER} True",
    "[stereo]\nstrength = 11": "stereo.strength must be in [0, 10], got 11.0",
    "[stereo]\nconvergence = true": (
        "'stereo.convergence' must be a finite number or a text, got True"
    ),
    "[stereo]\nconvergence = 'subject'": (
        "stereo.convergence must be 'auto' or in [0, 1], got 'subject'"
    ),
    "[jpeg]\nquality = 8.5": "'jpeg.quality' must be a whole number, got 8.5",
    "[jpeg]\nquality = 0": "jpeg.quality must be in [1, 100], got 0",
    "[depth]\nmodel = 1": "'depth.model' must be a text, got 1",
    "[depth]\nmodel = 'A/B'": (
        "depth.model: 'A/B' cannot name a model: see 'stereocast models list'"
    ),
    "[depth]\nprecision = 'fp8'": "depth.precision: 'fp8' is not one of fp32, int8",
    "[depth]\nsink = 'none'": "depth.sink: 'none' is not one of official, visible",
    "[live]\ncodec = 'vp9'": "live.codec: 'vp9' is not one of 'auto', 'nvenc', 'nvenc-host', "
    "'x264', 'nvjpeg', 'mjpeg'",
    "[x264]\nthreads = 2": "unknown key 'x264.threads'. Known: preset, bitrate_kbps, vbv_frames.",
    "[x264]\nbitrate_kbps = 7": "x264.bitrate_kbps must be 0 or in [50, 2000000], got 7",
    "[stereo": (
        "is not valid TOML: Expected ']' at the end of a table declaration (at end of document)"
    ),
}


@pytest.mark.parametrize(("text", "message"), MISTAKES_IN_FILES.items())
def test_a_files_mistakes_are_named_with_place_and_remedy(refusal, text, message) -> None:
    assert refusal(text) == f"live.toml: {message}"


A_SETTING = "expected room.key=value, as in stereo.strength=3"

MISTAKES_IN_SETTINGS = {
    "stereo.strenght=3": "unknown key 'stereo.strenght'. Did you mean 'stereo.strength'?",
    "strength=3": A_SETTING,
    "stereo.strength": A_SETTING,
    "=3": A_SETTING,
    "stereo.strength=": f"'stereo.strength' {A_NUMBER} ''",
    "stereo.strength=[1": f"'stereo.strength' {A_NUMBER} '[1'",
    "stereo.strength=1\ncomfort=1": f"'stereo.strength' {A_NUMBER} '1\\ncomfort=1'",
    "refine.a.b=1": "unknown key 'refine.a.b'. Known: mode, core, runner, gate, bound, trust.",
}


@pytest.mark.parametrize(("setting", "message"), MISTAKES_IN_SETTINGS.items())
def test_a_settings_mistakes_are_named_as_it_was_given(setting: str, message: str) -> None:
    assert refused(setting) == f"--set {setting}: {message}"


def test_the_setting_that_is_wrong_is_the_one_that_is_named() -> None:
    assert refused("stereo.comfort=1", "stereo.balance=7", "file.crf=18").startswith(
        "--set stereo.balance=7: "
    )


def test_settings_override_the_file_and_the_last_one_wins(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    file.write_text("[stereo]\nstrength = 3\ncomfort = 0.1\n")
    config = load(file, ["stereo.strength=4", "stereo.strength=5", "live.codec=mjpeg"])
    assert (config.stereo.strength, config.stereo.comfort) == (5.0, 0.1)
    assert config.live.codec == "mjpeg"


def test_whole_numbers_serve_as_numbers_and_quotes_are_free() -> None:
    config = load(None, ["stereo.strength=3", 'file.preset="slow"', "file.crf=18"])
    assert (config.stereo.strength, type(config.stereo.strength)) == (3.0, float)
    assert (config.file.preset, config.file.crf) == ("slow", 18.0)


def test_without_anything_the_defaults_hold() -> None:
    assert load() == Config()


def test_an_unknown_profile_is_told_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"^gpux: no such .* \(profiles: .*cpu.*\)$"):
        load(Path("gpux"))


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "film.mp4"
    file.write_bytes(b"\x00\xff\xfe")
    with pytest.raises(ConfigError, match="is not a TOML file"):
        load(file)
    with pytest.raises(ConfigError, match="no such configuration file"):
        load(tmp_path)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda path: path.stem)
def test_every_shipped_profile_loads_by_its_name(profile: Path) -> None:
    assert load(Path(profile.stem)) == load(profile)


def test_the_cpu_profile_is_the_defaults_with_every_key_named() -> None:
    path = next(path for path in PROFILES if path.stem == "cpu")
    assert load(path) == Config()
    named = tomllib.loads(path.read_text(encoding="utf-8"))
    everything = {table: sorted(keys) for table, keys in asdict(Config()).items()}
    assert {table: sorted(keys) for table, keys in named.items()} == everything


def test_every_line_of_the_cpu_profile_says_what_it_means() -> None:
    path = next(path for path in PROFILES if path.stem == "cpu")
    for line in path.read_text(encoding="utf-8").splitlines():
        assert not line or line.startswith("#") or re.fullmatch(r"\S.*\S +# \S.{9,}", line), line


def test_the_engine_reads_the_tables_of_its_own_name() -> None:
    config = load(None, ["stereo.strength=4", "scene.contrast=0.1", "depth.smoothing_s=0"])
    for table in fields(config.engine()):
        assert getattr(config.engine(), table.name) is getattr(config, table.name)
