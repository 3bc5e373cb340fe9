"""The options of a run: each is one field of `Options`, and the command line, Python and the records follow from it."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest

from study.cli.arguments import parse
from study.command import USER_ERROR, Parser, positive
from study.errors import StudyError
from study.option_fields import Group, Option, add_options, arguments_of, option, options_of, read_options
from study.planning.options import Options

OPTIONS = {each.name: each for each in options_of(Options)}
every_option = pytest.mark.parametrize("name", OPTIONS)


@dataclass(frozen=True, kw_only=True)
class More(Options):
    """Options with some more, as somebody adds them who has a use for them."""

    folds: int = option(5, "of the outer cross-validation (default {default})", metavar="N")
    external: tuple[Path, ...] = option((), "another test set", metavar="DIR")
    shuffled: bool = option(False, "for 100 % of the labels", names=("-s", "--shuffled-labels"))
    pace: float | None = option(
        None, "how fast", metavar="X", parse=positive, group=Group(title="pace", doc="How fast it goes.")
    )


def parsed(arguments: list[str], of: type = Options) -> Any:
    parser = Parser(prog="program")
    add_options(parser, of)
    return read_options(parser.parse_intermixed_args(arguments), of)


def other_than_default(each: Option) -> Any:
    """A value of an option's type and within its rule."""
    if each.flag.choices:
        return each.flag.choices[-1]
    if each.name == "image_size":
        return ("48", "lenet=224")
    of_kind: dict[type, Any] = {bool: True, int: 7, float: 0.125, str: "-some thing", Path: Path("some/where here")}
    value = of_kind[each.kind]
    return (value, value) if each.several else value


@every_option
def test_each_option_has_a_help_and_a_flag(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    each = OPTIONS[name]
    # Wide enough that nothing is broken at a hyphen.
    monkeypatch.setenv("COLUMNS", "1000")
    with pytest.raises(SystemExit) as ended:
        parse(["--help"])
    assert ended.value.code == 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"{each.names[-1]} " in said or each.flag.positional
    assert " ".join(each.help.replace("%%", "%").split()) in said


def test_each_field_is_an_option() -> None:
    assert [each.name for each in fields(Options)] == list(OPTIONS)


@every_option
def test_what_is_given_for_an_option_is_read_and_written_as_the_same(name: str) -> None:
    each = OPTIONS[name]
    if each.flag.positional:
        options = Options(names=("her2_binary", "my studies/own.py"))
    else:
        options = Options(**{name: other_than_default(each)})
    arguments = arguments_of(options)
    assert arguments
    assert parse(arguments) == options


def test_all_options_together_are_read_and_written_as_the_same() -> None:
    flags = {name: other_than_default(each) for name, each in OPTIONS.items() if not each.flag.positional}
    options = Options(names=("her2_binary", "blood_cell"), **flags)
    assert parse(arguments_of(options)) == options


def test_without_arguments_each_option_has_the_default_of_its_field() -> None:
    assert parse([]) == Options()
    assert arguments_of(Options()) == []


def test_names_may_stand_before_and_after_flags() -> None:
    options = parse(["her2_binary", "--seed", "3", "blood_cell", "--architecture", "lenet", "--architecture=vgg16"])
    assert options == Options(names=("her2_binary", "blood_cell"), seed=3, architectures=("lenet", "vgg16"))


def test_data_may_be_a_folder_or_a_uri() -> None:
    assert parse(["--data", "some/folder"]).data == Path("some/folder")
    assert parse(["--data", "s3://bucket/folder"]).data == "s3://bucket/folder"


def test_folders_of_the_user_are_looked_up_when_they_are_needed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert tmp_path in Options().ledger.parents
    assert tmp_path in parse([]).ledger.parents


@pytest.mark.parametrize(
    ("flag", "near"), [("--dryrun", "--dry-run"), ("--label-colum", "--label-column"), ("--precison", "--precision")]
)
def test_an_unknown_flag_is_answered_with_the_nearest(flag: str, near: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(["her2_binary", flag])
    assert ended.value.code == USER_ERROR
    assert f"Did you mean {near}?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--seed", "-1"], "argument --seed: must be a whole number from 0 to 4294967295, but is -1."),
        (["--trials", "many"], "argument --trials: invalid int value: 'many'."),
        (["--hang-after", "0"], "argument --hang-after: must be a number above 0, but is 0."),
        (["--budget", "huge"], "argument --budget: invalid choice: 'huge' (choose from 'demo', "),
        (
            ["--image-size", "lenet=x"],
            "argument --image-size: must be a whole number of pixels, or NAME=PIXELS, but is lenet=x.",
        ),
        (
            ["--image-size", "=24"],
            "argument --image-size: must be a whole number of pixels, or NAME=PIXELS, but is =24.",
        ),
        (["--holdout=yes"], "argument --holdout: ignored explicit argument 'yes'."),
        (["--verb"], "unrecognized arguments: --verb."),
    ],
)
def test_a_value_that_an_option_cannot_have_is_refused(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(arguments)
    assert ended.value.code == USER_ERROR
    assert f"error: {said}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: Options(seed=-1), "seed must be a whole number from 0 to 4294967295, but is -1"),
        (lambda: Options(workers_per_trial=-1), "workers_per_trial must be 0 or more, but is -1"),
        (lambda: Options(hang_after_s=0), "hang_after_s must be a number above 0, but is 0"),
        (lambda: Options(architectures="lenet"), "architectures is for any number of values, but is 'lenet'. Give ("),
        (lambda: Options(image_size=64), "image_size is for any number of values, but is 64. Give (64,)"),
        (
            lambda: Options(image_size=("4.5",)),
            "image_size must be a whole number of pixels, or NAME=PIXELS, but is 4.5",
        ),
        (lambda: Options(budget="demmo"), "There is no budget 'demmo'. Did you mean 'demo'?"),
        (lambda: Options(groups="patients"), "There is no groups 'patients'."),
    ],
)
def test_the_rules_of_the_flags_hold_in_python_too(made: Callable[[], Options], said: str) -> None:
    with pytest.raises(StudyError) as refused:
        made()
    assert said in str(refused.value)


def test_the_command_that_goes_into_the_records_asks_for_the_same_and_holds_no_password() -> None:
    options = Options(
        names=("her2 binary.py",), seed=3, dry_run=True, mlflow="https://anna:s3cret@mlflow.clinic.example"
    )
    assert options.command == (
        "python -m study.run 'her2 binary.py' --seed 3 --mlflow 'https://***@mlflow.clinic.example' --dry-run"
    )


def test_a_saved_study_file_is_run_with_what_it_does_not_say_itself() -> None:
    of_images = ["--images", "scans", "--labels", "table.csv", "--positive", "ill", "--save", "scans.py"]
    in_the_file = ["--architecture", "lenet", "--image-size", "48"]
    options = parse([*of_images, *in_the_file, "--holdout", "--trials", "3", "--seed", "2"])
    command = options.of_study_file(Path("scans.py")).command
    assert command == "python -m study.run scans.py --trials 3 --seed 2 --holdout"


def test_a_new_option_is_one_field(capsys: pytest.CaptureFixture[str]) -> None:
    given = ["her2_binary", "--folds", "10", "--external", "a", "--external", "b", "-s", "--pace", "0.5"]
    options = parsed(given, More)
    assert options == More(names=("her2_binary",), folds=10, external=(Path("a"), Path("b")), shuffled=True, pace=0.5)
    assert parsed(arguments_of(options), More) == options
    assert parsed([], More) == More()
    with pytest.raises(StudyError, match="pace must be a number above 0"):
        More(pace=-1)
    with pytest.raises(SystemExit):
        parsed(["--help"], More)
    said = capsys.readouterr().out
    assert "of the outer cross-validation (default 5)" in said
    assert "-s, --shuffled-labels" in said
    assert "for 100 % of the labels" in said
    assert "pace:\n  How fast it goes." in said


def test_an_option_of_several_types_needs_a_way_to_read_it() -> None:
    @dataclass(frozen=True)
    class Unclear:
        size: int | str = option(0, "a number or a word")

    with pytest.raises(TypeError, match="size"):
        add_options(argparse.ArgumentParser(), Unclear)
