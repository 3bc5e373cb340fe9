"""The command line: what it refuses, with which message, and that it then leaves nothing behind."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from study import records, run
from study.command import DONE, USER_ERROR

ROOT = Path(__file__).parents[1]
# Without the networks that would need ImageNet weights.
BRAIN = ("brain_tumor", "--architecture", "baseline_cnn")


@pytest.fixture
def images(tiny_images: Path, tmp_path: Path) -> Path:
    """A copy of the tiny images that a test may damage."""
    return Path(shutil.copytree(tiny_images, tmp_path / "images"))


def refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Runs the command, checks that it was refused and wrote nothing, and returns its message."""
    results, reports = tmp_path / "results", tmp_path / "reports"
    folders = ["--results", str(results), "--reports", str(reports), "--cache", str(tmp_path / "cache")]
    assert run.main([*arguments, *folders]) == USER_ERROR
    assert not results.exists()
    assert not reports.exists()
    message = capsys.readouterr().err
    assert message.count("error: ") == 1
    assert "Traceback" not in message
    return message


def test_an_unknown_study_is_answered_with_the_nearest_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "Did you mean 'her2_binary'?" in refused(tmp_path, capsys, "her2_binry")


def test_no_name_at_all_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--list" in refused(tmp_path, capsys)


def test_weights_for_no_network_of_any_study_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = refused(tmp_path, capsys, "her2_binary", "her2_score", "--weights", "lennet=x.pth")
    assert "Did you mean 'lenet'?" in message


def test_all_stands_for_every_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # One of them has no such budget, so none is begun.
    message = refused(tmp_path, capsys, "all", "--epochs", "0")
    assert "epochs = 0" in message


def test_a_missing_data_folder_is_an_error_and_never_a_stand_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = refused(tmp_path, capsys, *BRAIN, "--data", str(tmp_path / "nowhere"))
    assert "nowhere" in message
    assert "Download https://www.kaggle.com/datasets/sartajbhuvaji" in message


def test_an_empty_data_folder_names_the_folders_that_it_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert "IHC/train" in refused(tmp_path, capsys, "her2_binary", "--data", str(tmp_path / "empty"))


def test_a_missing_class_folder_is_named(tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(images / "Training" / "no_tumor")
    assert "Training/no_tumor" in refused(tmp_path, capsys, *BRAIN, "--data", str(images))


def test_unreadable_images_are_named_and_counted_with_the_way_to_go_on(
    tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = sorted((images / "Training" / "no_tumor").iterdir())[:2]
    for path in damaged:
        path.write_bytes(path.read_bytes()[:300])
    message = refused(tmp_path, capsys, *BRAIN, "--data", str(images))
    assert "2 of 68 are not" in message
    assert all(path.name in message for path in damaged)
    assert "--skip-unreadable" in message
    folders = ["--results", str(tmp_path / "results"), "--cache", str(tmp_path / "cache")]
    assert run.main([*BRAIN, "--data", str(images), "--skip-unreadable", "--dry-run", *folders]) == DONE


def test_a_class_with_fewer_than_three_images_is_named(
    tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in sorted((images / "Training" / "glioma_tumor").iterdir())[2:]:
        path.unlink()
    message = refused(tmp_path, capsys, *BRAIN, "--data", str(images))
    assert "'glioma' has 2" in message


@pytest.mark.parametrize(
    ("flag", "value"), [("--trials", "0"), ("--epochs", "0"), ("--seeds", "-1"), ("--image-size", "4")]
)
def test_an_impossible_budget_is_refused(
    tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str], flag: str, value: str
) -> None:
    message = refused(tmp_path, capsys, *BRAIN, "--data", str(images), flag, value)
    assert f"{flag.removeprefix('--').replace('-', '_')} = {value}" in message


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ('"lr":', '"learning_rate":', "no hyperparameter 'learning_rate'"),
        ('"lr":', '"dropuot":', "Did you mean 'dropout'?"),
        ('"lr":', '"kernel_size":', "'kernel_size'"),
        ('"lr":', '"pos_weight":', "class_weight_power for more"),
        ("tune.loguniform(1e-4, 1e-2)", "0.001", "Ray Tune domains"),
        ("tune.uniform(0.0, 0.5)", "tune.uniform(0.0, 1.5)", "dropout must be in [0, 1)"),
        ('dataset="brain_tumor_mri"', 'dataset="brain_tumour_mri"', "Did you mean 'brain_tumor_mri'?"),
        ('"lenet":', '"lenett":', "Did you mean 'lenet'?"),
        ("STUDY =", "OTHER =", "must define STUDY"),
        ("import tune", "import tunes", "ImportError"),
    ],
)
def test_a_wrong_declaration_is_refused(
    tmp_path: Path,
    tiny_study: Path,
    images: Path,
    capsys: pytest.CaptureFixture[str],
    before: str,
    after: str,
    expected: str,
) -> None:
    text = tiny_study.read_text()
    assert before in text
    study = tmp_path / "wrong.py"
    study.write_text(text.replace(before, after))
    assert expected in refused(tmp_path, capsys, str(study), "--data", str(images))


def test_an_image_that_is_not_grey_or_rgb_is_unreadable(
    tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGBA", (40, 40)).save(images / "Training" / "no_tumor" / "transparent.png")
    assert "colour mode RGBA" in refused(tmp_path, capsys, *BRAIN, "--data", str(images))


def test_a_dry_run_shows_the_plan_and_writes_no_records(
    tmp_path: Path, images: Path, tiny_study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    arguments = [str(tiny_study), "--data", str(images), "--results", str(results), "--cache", str(tmp_path)]
    assert run.main([*arguments, "--dry-run", "--trials", "3"]) == DONE
    said = capsys.readouterr()
    assert "real images (40 train, 8 val, 20 test)" in said.err
    for name in ("lenet", "four_block_cnn"):
        assert re.search(rf"{name} +[\d,]+ +[\d.]+ GiB +\d+ ms of 8 +[\d.]+ s +[\d:]+ to [\d:]+", said.out), said.out
    assert "Nothing was recorded" in said.out
    assert not results.exists()


def test_a_dry_run_names_a_network_that_cant_be_trained_and_tries_the_others(
    tmp_path: Path, images: Path, tiny_study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = tmp_path / "far.py"
    study.write_text(
        tiny_study.read_text().replace('"lenet": Recipe(batch_size=8)', '"lenet": Recipe(batch_size=8, lr=1e30)')
    )
    arguments = [str(study), "--data", str(images), "--results", str(tmp_path / "r"), "--cache", str(tmp_path)]
    assert run.main([*arguments, "--dry-run"]) == USER_ERROR
    said = capsys.readouterr()
    assert re.search(r"lenet .*can't be trained: DivergedError", said.out)
    assert re.search(r"four_block_cnn .* ms of 8", said.out)
    assert "far: lenet: DivergedError" in said.err


def test_without_data_the_run_is_named_a_stand_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run.main([*BRAIN, "--cache", str(tmp_path / "cache"), "--dry-run"]) == DONE
    assert "brain_tumor-standin: DRAWN stand-in images" in capsys.readouterr().err
    # The drawings stay drawings when somebody finds them in the cache and gives them to --data.
    (drawn,) = (tmp_path / "cache" / "stand-in").iterdir()
    assert run.main([*BRAIN, "--data", str(drawn), "--cache", str(tmp_path / "cache"), "--dry-run"]) == DONE
    assert "brain_tumor-standin: DRAWN stand-in images" in capsys.readouterr().err


def test_an_architecture_that_the_study_does_not_declare_can_be_asked_for(
    tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = ["--results", str(tmp_path / "results"), "--cache", str(tmp_path / "cache")]
    arguments = [*BRAIN, "--data", str(images), "--dry-run", *folders]
    assert run.main([*arguments, "--architecture", "lenet"]) == DONE
    assert "; baseline_cnn, lenet\n" in capsys.readouterr().err


def test_help_does_not_wait_for_ray() -> None:
    program = (
        "import sys; from study import run\n"
        "try: run.main(['--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit('ray' in sys.modules or 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "NAME" in done.stdout


def test_workers_are_not_started_through_uv_run() -> None:
    program = (
        "from study import run\n"
        "run.main(['her2_binary', '--data', 'nowhere'])\n"
        "from ray._private import ray_constants\n"
        "assert not ray_constants.RAY_ENABLE_UV_RUN_RUNTIME_ENV"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_all_studies_are_checked_before_the_first_one_runs(
    tmp_path: Path, images: Path, tiny_study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "no study 'unknown'" in refused(tmp_path, capsys, str(tiny_study), "unknown", "--data", str(images))


def test_a_folder_in_use_is_refused(
    tmp_path: Path, images: Path, tiny_study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = records.RunFolder(tmp_path / "tiny")
    arguments = [str(tiny_study), "--data", str(images), "--cache", str(tmp_path / "cache")]
    with records.exclusive(folder):
        assert run.main([*arguments, "--results", str(tmp_path)]) == USER_ERROR
    assert "is in use" in capsys.readouterr().err
    assert not folder.root.exists()


def test_a_folder_of_other_files_is_never_deleted(
    tmp_path: Path, images: Path, tiny_study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    thesis = tmp_path / "tiny" / "thesis.txt"
    thesis.parent.mkdir()
    thesis.write_text("years of work")
    arguments = [str(tiny_study), "--data", str(images), "--cache", str(tmp_path / "cache")]
    assert run.main([*arguments, "--results", str(tmp_path)]) == USER_ERROR
    assert "holds other files" in capsys.readouterr().err
    assert thesis.exists()


@pytest.mark.parametrize("arguments", [["--seed", "-1"], ["--workers-per-trial", "-1"], ["--budget", "huge"]])
def test_a_value_that_no_study_could_have_is_refused_by_the_parser(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as refusal:
        run.main(["her2_binary", *arguments])
    assert refusal.value.code == USER_ERROR


def test_two_studies_of_one_name_are_refused(
    tmp_path: Path, tiny_study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other").mkdir()
    other = shutil.copy(tiny_study, tmp_path / "other" / tiny_study.name)
    assert "two are called 'tiny'" in refused(tmp_path, capsys, str(tiny_study), str(other))


def test_a_folder_that_cannot_be_made_is_one_message(
    tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("not a folder")
    arguments = [*BRAIN, "--data", str(images), "--results", str(tmp_path / "file" / "results")]
    assert run.main([*arguments, "--cache", str(tmp_path / "cache")]) == USER_ERROR
    message = capsys.readouterr().err
    assert message.count("error: ") == 1
    assert str(tmp_path / "file") in message
