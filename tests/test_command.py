"""What all commands share."""

import argparse
import platform
import signal
import time
from pathlib import Path

import pytest

from study import predict, run
from study.command import USER_ERROR, positive, to_go_on, whole_number, without_secrets
from study.execution.ray_backend.signals import interruptible


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://anna:s3cret@mlflow.clinic.example/x", "https://***@mlflow.clinic.example/x"),
        (
            "--storage=s3://b/f?access_key=AKIA&secret_key=s3cret&region=eu",
            "--storage=s3://b/f?access_key=***&secret_key=***&region=eu",
        ),
        ("s3://bucket/folder", "s3://bucket/folder"),
        ("someone@example.org", "someone@example.org"),
    ],
)
def test_no_password_or_key_gets_into_records(given: str, kept: str) -> None:
    assert without_secrets(given) == kept


@pytest.mark.parametrize("text", ["soon", "nan", "inf", "0", "-1", ""])
def test_what_is_no_positive_number_is_refused_in_words(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="must be a number above 0, but is"):
        positive(text)


@pytest.mark.parametrize("text", ["many", "1.5", "-1", str(2**32), ""])
def test_what_is_no_seed_is_refused_in_words(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="must be a whole number from 0 to 4294967295, but is"):
        whole_number(0, 2**32 - 1)(text)


def test_a_mistyped_flag_is_told_with_the_nearest_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run.main(["her2_binary", "--dryrun"])
    assert ended.value.code == USER_ERROR
    said = capsys.readouterr().err
    assert "--dryrun. Did you mean --dry-run? " in said
    assert said.count("\n") == 1


def test_a_shortened_flag_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        predict.main(["her2_binary", "x.png", "--res", "elsewhere"])
    assert "unrecognized arguments: --res" in capsys.readouterr().err


@pytest.mark.parametrize("system", ["Windows", ""])
def test_a_system_that_was_never_tested_is_refused_in_one_line_before_anything_is_read(
    system: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    # Not even that there is no such flag.
    assert run.main(["her2_binary", "--no-such-flag"]) == USER_ERROR
    said = capsys.readouterr().err
    assert f"This runs on Linux and macOS, but this system is {system or 'unknown'}" in said
    assert said.count("\n") == 1


def test_verbose_shows_where_an_error_comes_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["her2_binray", "-v", "--results", str(tmp_path)]) == USER_ERROR
    said = capsys.readouterr().err
    assert "error: There is no study 'her2_binray'. Did you mean 'her2_binary'?" in said
    assert "Traceback" in said
    assert "registry.py" in said


def test_what_goes_on_does_not_begin_anew() -> None:
    given = "python -m study.run 'my study.py' --fresh --seeds 2"
    assert to_go_on(given) == "python -m study.run 'my study.py' --seeds 2"


def test_a_signal_that_comes_twice_at_once_is_one_and_a_later_one_interrupts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_s = time.monotonic()
    with interruptible() as interrupted:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        assert interrupted()
        monkeypatch.setattr(time, "monotonic", lambda: now_s + 60)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
