"""What every command has in common: help with examples, one line for a mistake, an exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stereocast.engine.errors import ConfigError
from stereocast.runtime.cli import outcome
from stereocast.runtime.cli.progress import progress, progress_words
from stereocast.runtime.machine import version
from tests import clips
from tests.commands import Stereocast

COMMANDS = (
    "demo",
    "live",
    "watch",
    "web",
    "replay",
    "convert",
    "doctor",
    "keys",
    "bench latency",
    "bench gateway",
    "bench overload",
)


def test_the_version_is_the_packages(stereocast: Stereocast) -> None:
    result = stereocast("--version")
    assert (result.code, result.out) == (0, [f"stereocast {version('stereocast')}"])


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("columns", [80, 120])
def test_help_keeps_the_lines_of_its_examples(
    stereocast: Stereocast, command: str, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    result = stereocast(*command.split(), "--help")
    begin = result.out.index("  Examples:") + 1
    examples = result.out[begin : result.out.index("", begin)]
    assert (result.code, result.err) == (0, [])
    assert len(examples) >= 2
    assert all(line.startswith("    stereocast ") for line in examples)
    assert max(map(len, result.out)) <= columns
    assert "\b" not in "".join(result.out)


def test_every_command_is_listed_with_a_whole_sentence(stereocast: Stereocast) -> None:
    text = "\n".join(stereocast("--help").out)
    assert all(command.split()[0] in text for command in COMMANDS)
    assert "..." not in text.replace("[ARGS]...", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("convrt", "no such command 'convrt'"),
        ("convert", "missing argument 'IN' (see: stereocast convert --help)"),
        ("convert a b c", "(see: stereocast convert --help)"),
        ("convert a --frames 0", "'--frames'"),
        ("convert a --frames many", "'--frames'"),
        ("convert a --start nan", "'--start'"),
        ("convert a --layout over-under", "Did you mean 'full-tb'? There are full-sbs, half-sbs"),
        ("convert a --layout HSBS", "Did you mean 'half-sbs'?"),
        ("live a --layout anaglif", "'anaglif' is no layout. Did you mean 'anaglyph'?"),
        ("convert a --layout xyzzy", "'xyzzy' is no layout. There are full-sbs"),
        ("watch --view both", "'both' is not one of 'packed', 'left', 'right'"),
        ("convert a --layot half-sbs", "--layot"),
        ("live", "missing argument 'SOURCE'"),
        ("live a --seconds 1e300", "'--seconds'"),
        ("watch --slow -1", "'--slow'"),
        ("bench", "(see: stereocast bench --help)"),
        ("bench latency --seconds 1", "'--seconds'"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_code_2(
    stereocast: Stereocast, arguments: str, words: str
) -> None:
    result = stereocast(*arguments.split())
    assert (result.code, result.out, len(result.err)) == (2, [], 1)
    assert result.err[0].startswith("stereocast: ")
    assert words in result.err[0]


@pytest.mark.parametrize("command", ["convert nowhere.mp4", "live nowhere.mp4", "watch nowhere"])
def test_a_report_that_cannot_be_written_is_refused_before_anything_else(
    stereocast: Stereocast, inside: Path, command: str
) -> None:
    result = stereocast(*command.split(), "--json", inside / "missing" / "r.json")
    assert (result.code, len(result.err)) == (1, 1)
    assert "there is no folder" in result.err[0]


def test_a_report_replaces_only_reports(tmp_path: Path) -> None:
    film, report = tmp_path / "film.mp4", tmp_path / "r.json"
    film.write_text("precious")
    with pytest.raises(ConfigError, match=r"exists and is no \.json file"):
        outcome.check_report(film)
    with pytest.raises(ConfigError, match="is a folder"):
        outcome.check_report(tmp_path)
    for number in (1, 2):
        outcome.write_json(report, {"number": number, "name": "caf\udce9 ×"})
    assert json.loads(report.read_text()) == {"number": 2, "name": "caf\udce9 ×"}
    assert film.read_text() == "precious"


def test_a_complaint_is_one_line_whatever_a_file_is_called(
    capsys: pytest.CaptureFixture[str],
) -> None:
    outcome.complain("two\nlines\x1b[31m.mp4: é × caf\udce9")
    printed = capsys.readouterr().err
    assert printed == "stereocast: two lines\\x1b[31m.mp4: é × caf\\udce9\n"


def test_progress_says_how_far_how_fast_and_how_long() -> None:
    assert progress_words(240, 720, 24.0) == "240 of 720 frames, 24.0 fps, 20 s left"
    assert progress_words(9, None, 24.0) == "9 frames, 24.0 fps"
    assert progress_words(721, 720, 24.0).endswith(" 0 s left")


def test_short_work_is_silent_where_no_terminal_is(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("working", 10) as advance:
        for _ in range(10):
            advance()
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "")


def test_keys_are_made_once(stereocast: Stereocast, inside: Path) -> None:
    assert stereocast("keys", "k").code == 0
    again = stereocast("keys", "k")
    assert (again.code, len(again.err)) == (1, 1)
    wrong = stereocast("watch", "tcp://127.0.0.1:5570", "--curve", "k")
    assert "name k/server where the stream is made and k/client where" in wrong.err[0]


@pytest.mark.parametrize("command", ["live film.mp4 --address", "watch"])
def test_a_stream_for_other_machines_needs_keys(
    stereocast: Stereocast, inside: Path, command: str
) -> None:
    clips.write(inside / "film.mp4", clips.Clip(count=2))
    result = stereocast(*command.split(), "tcp://0.0.0.0:5570")
    assert (result.code, len(result.err)) == (1, 1)
    assert "make some with `stereocast keys FOLDER`" in result.err[0]
