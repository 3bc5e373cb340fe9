"""A study of images of which nothing is declared: what is derived, said, saved and run."""

import csv
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from study import datasets, load_winner, predict, records, registry, run
from study.command import DONE, USER_ERROR
from study.planning.custom_study import image_size
from study.planning.declared_study import check_space
from study.records import TEST, TUNED, VAL, RunFolder
from study.spec import Study, ray_domains

ROOT = Path(__file__).parents[2]
Dry = Callable[..., str]


def draw(folder: Path, num: int, *, grey: int, seed: int = 0, mode: str = "RGB", size: int = 40) -> None:
    """Noise around a grey level."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(num):
        levels = np.random.default_rng([seed, grey, number]).normal(grey, 25, (size, size)).clip(0, 255)
        picture = np.repeat(levels[..., None], 3, axis=2) if mode == "RGB" else levels
        if mode == "I;16":
            Image.fromarray((picture * 16).astype(np.uint16)).save(folder / f"{number}.png")
        else:
            Image.fromarray(picture.astype(np.uint8)).save(folder / f"{number}.png")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    root = tmp_path / "My scans (2)"
    draw(root / "normal", 12, grey=90)
    draw(root / "tumour", 18, grey=150)
    return root


@pytest.fixture
def dry(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Dry:
    """What is said of images, without training."""

    def call(*arguments: str) -> str:
        folders = [f"--{kind}={tmp_path / kind}" for kind in ("results", "reports", "cache")]
        assert run.main([*arguments, "--architecture", "lenet", "--dry-run", *folders]) == DONE
        return " ".join(capsys.readouterr().err.split())

    return call


def test_a_split_far_from_its_share_and_a_small_test_split_are_said(tmp_path: Path, dry: Dry) -> None:
    for name, grey in (("normal", 90), ("tumour", 150)):
        for patient in range(3):
            draw(tmp_path / "scans" / name / f"patient {name} {patient}", 10, grey=grey, seed=patient)
    said = dry("--images", str(tmp_path / "scans"))
    assert "note: test is 33% of 60 images instead of 15%: groups stay whole" in said
    assert "note: only 10 test images of 'normal'" in said


def test_what_is_derived_is_said(images: Path, dry: Dry) -> None:
    said = dry("--images", str(images))
    assert "My_scans_2: 30 images in 2 classes: normal 12, tumour 18" in said
    assert "grey, 40 x 40 px; resized to 32 px" in said
    assert "positive 'tumour'" in said
    assert "a guess" not in said
    assert "drawn: 15 % test, and 15 % of the rest val" in said
    assert "groups unknown" in said


def test_the_positive_class_can_be_named(images: Path, dry: Dry) -> None:
    assert "positive 'normal'" in dry("--images", str(images), "--positive", "normal")


def test_where_names_of_classes_dont_tell_the_positive_one_is_called_a_guess(tmp_path: Path, dry: Dry) -> None:
    draw(tmp_path / "pets" / "cat", 8, grey=80)
    draw(tmp_path / "pets" / "dog", 8, grey=160)
    assert "positive 'dog' (--positive), a guess" in dry("--images", str(tmp_path / "pets"))


def test_given_splits_are_kept(tmp_path: Path, dry: Dry) -> None:
    root = tmp_path / "split"
    for seed, (side, num) in enumerate({"train": 9, "valid": 4, "test": 5}.items()):
        for grey, name in ((90, "no"), (150, "yes")):
            draw(root / side / name, num, grey=grey, seed=seed)
    said = dry("--images", str(root))
    assert "as given (train 18, val 8, test 10)" in said
    assert "(18 train, 8 val, 10 test)" in said


def test_a_copy_of_a_val_image_is_not_trained_on(tmp_path: Path, dry: Dry) -> None:
    root = tmp_path / "split"
    for seed, (side, num) in enumerate({"train": 9, "val": 4, "test": 5}.items()):
        for grey, name in ((90, "no"), (150, "yes")):
            draw(root / side / name, num, grey=grey, seed=seed)
    (root / "train/no/copy.png").write_bytes((root / "val/no/0.png").read_bytes())
    (root / "val/no/copy.png").write_bytes((root / "test/no/0.png").read_bytes())
    assert "(18 train, 8 val, 10 test)" in dry("--images", str(root))


def test_images_of_one_folder_within_a_class_stay_in_one_split(tmp_path: Path, dry: Dry) -> None:
    for patient in range(8):
        for grey, name in ((90, "no"), (150, "yes")):
            draw(tmp_path / "p" / name / f"{name}{patient}", 3, grey=grey, seed=patient)
    assert "16 by folder, each in one split" in dry("--images", str(tmp_path / "p"))


def test_a_table_with_patients_is_understood_without_further_flags(tmp_path: Path, dry: Dry) -> None:
    root = tmp_path / "t"
    for patient in range(10):
        draw(root / f"p{patient}", 3, grey=80 + 8 * patient, seed=patient)
    with (tmp_path / "labels.csv").open("w") as file:
        lines = csv.writer(file)
        lines.writerow(["path", "diagnosis", "patient_id"])
        lines.writerows(
            [f"p{patient}/{n}.png", "benign" if patient < 5 else "malignant", patient]
            for patient in range(10)
            for n in range(3)
        )
    draw(root / "unlabelled", 2, grey=1)
    said = dry("--images", str(root), "--labels", str(tmp_path / "labels.csv"))
    assert "columns image 'path', label 'diagnosis', group 'patient_id'" in said
    assert "10 by patient_id, each in one split" in said
    assert "2 images in the folder stand in no row of the table" in said


def test_a_column_called_split_that_says_no_split_anywhere_is_said_not_to_be_used(tmp_path: Path, dry: Dry) -> None:
    draw(tmp_path / "flat", 16, grey=90)
    lines = [f"{n}.png,{'ab'[n % 2]},{n % 5}" for n in range(16)]
    (tmp_path / "t.csv").write_text("\n".join(["image,label,Fold", *lines]))
    said = dry("--images", str(tmp_path / "flat"), "--labels", str(tmp_path / "t.csv"))
    assert "NOT USED column 'Fold', which says '0', '1', '2' and nowhere train, val or test (--split-column)" in said


def test_a_patient_that_is_unknown_of_some_images_is_said(tmp_path: Path, dry: Dry) -> None:
    draw(tmp_path / "some" / "no", 20, grey=90)
    for patient in range(8):
        draw(tmp_path / "some" / "yes" / f"p{patient}", 3, grey=150, seed=patient)
    assert "8 by folder, each in one split; of 20 images it is unknown" in dry("--images", str(tmp_path / "some"))


def test_how_many_images_are_deep_or_in_colour_is_said_where_not_all_are(tmp_path: Path, dry: Dry) -> None:
    root = tmp_path / "mixed"
    for name, grey in (("no", 90), ("yes", 150)):
        draw(root / name, 9, grey=grey, mode="L")
    deep = np.random.default_rng(0).integers(100, 60000, (40, 40), dtype=np.uint16)
    Image.fromarray(deep).save(root / "no" / "deep.png")
    Image.new("CMYK", (40, 40), (200, 10, 10, 0)).save(root / "yes" / "print.jpg")
    said = dry("--images", str(root))
    assert "colour (1 of 20 looked at), 40 x 40 px" in said
    assert "become black to white, in those of more than 8 bits (1 of 20 looked at)" in said


def test_columns_are_found_whatever_their_case_and_blanks_are(tmp_path: Path, dry: Dry) -> None:
    draw(tmp_path / "flat", 16, grey=90)
    lines = [f"{n}.png,{'ab'[n % 2]},{n // 2}" for n in range(16)]
    (tmp_path / "t.csv").write_text("\n".join(["File Name,Label,PatientID", *lines]))
    said = dry("--images", str(tmp_path / "flat"), "--labels", str(tmp_path / "t.csv"))
    assert "columns image 'File Name', label 'Label', group 'PatientID'" in said


def test_with_a_holdout_it_is_said_that_the_test_split_stays_closed(tmp_path: Path, dry: Dry) -> None:
    for seed, (side, num) in enumerate({"train": 12, "test": 5}.items()):
        for grey, name in ((90, "no"), (150, "yes")):
            draw(tmp_path / "split" / side / name, num, grey=grey, seed=seed)
    said = dry("--images", str(tmp_path / "split"), "--holdout")
    assert "--holdout: the test split stays closed" in said
    assert "networks lenet (--architecture)" in said


def test_images_that_are_left_out_are_counted_before_anything_is_trained(tmp_path: Path, dry: Dry) -> None:
    for seed, side in enumerate(("train", "test")):
        for grey, name in ((90, "no"), (150, "yes")):
            draw(tmp_path / "split" / side / name, 12, grey=grey, seed=seed)
    copy = tmp_path / "split" / "train" / "no" / "copy.png"
    copy.write_bytes((tmp_path / "split" / "test" / "no" / "0.png").read_bytes())
    assert re.search(r"left out before training: 1 images \(2%\): 1 ", dry("--images", str(tmp_path / "split")))


def test_16_bit_images_are_seen_through_the_window_that_they_use(tmp_path: Path, dry: Dry) -> None:
    draw(tmp_path / "deep" / "no", 8, grey=90, mode="I;16")
    draw(tmp_path / "deep" / "yes", 8, grey=150, mode="I;16")
    said = dry("--images", str(tmp_path / "deep"))
    low, high = (int(said.split("grey levels ")[1].split()[i]) for i in (0, 2))
    assert 0 <= low < 16 * 60
    assert 16 * 180 < high <= 16 * 255


def test_what_is_saved_declares_the_same_study(
    tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.py"
    assert run.main(["--images", str(images), "--save", str(file)]) == DONE
    saved: Study = registry.load_file(file, attribute="STUDY", kind="study")
    assert set(saved.pairs) == {"baseline_cnn", "eight_conv_cnn", "resnet18"}
    assert saved.pairs["baseline_cnn"].pos_weight == "balanced"
    described = ray_domains.describe(saved.space_of("resnet18"))
    assert set(described) >= {"lr", "dropout", "batchnorm", "augmentation", "pos_weight", "freeze_epochs"}
    folders = [f"--{kind}={tmp_path / kind}" for kind in ("results", "reports", "cache")]
    capsys.readouterr()
    plans = []
    for given in (["--images", str(images)], [str(file)]):
        assert run.main([*given, "--architecture", "baseline_cnn", "--dry-run", *folders]) == DONE
        plans.append(capsys.readouterr().err.splitlines()[-1].partition(":")[2])
    assert plans[0] == plans[1]


def test_what_is_saved_has_the_networks_and_the_size_that_were_asked_for_and_is_well_formatted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(12):
        draw(tmp_path / "many" / f"a class with a rather long name, number {number}", 8, grey=60 + 10 * number)
    file = tmp_path / "many.py"
    asked = ["--architecture", "lenet", "--architecture", "densenet121", "--image-size", "48", "--budget", "demo"]
    asked += ["--image-size", "densenet121=64"]
    assert run.main(["--images", str(tmp_path / "many"), "--save", str(file), *asked]) == DONE
    assert f"python -m study.run {file} --budget demo" in capsys.readouterr().err
    saved: Study = registry.load_file(file, attribute="STUDY", kind="study")
    assert list(saved.pairs) == ["lenet", "densenet121"]
    assert saved.image_size == 48
    assert saved.image_sizes == {"densenet121": 64}
    check_space(saved, datasets.of(saved.dataset))
    style = ["--config", str(ROOT / "pyproject.toml"), str(file)]
    for command in (["check"], ["format", "--check"]):
        subprocess.run([sys.executable, "-m", "ruff", *command, *style], check=True)


def test_a_saved_study_of_two_classes_says_which_is_the_positive_one(tmp_path: Path, images: Path) -> None:
    assert run.main(["--images", str(images), "--save", str(tmp_path / "mine.py")]) == DONE
    assert re.search(
        r'# The second one is the positive one.\n +classes=\("normal", "tumour"\)', (tmp_path / "mine.py").read_text()
    )


def test_a_published_dataset_is_recognized(tiny_images: Path, images: Path, dry: Dry) -> None:
    assert f"compared with its document by: python -m study.run brain_tumor --data {tiny_images}" in re.sub(
        "uv run ", "", dry("--images", str(tiny_images))
    )
    assert "its document" not in dry("--images", str(images))


@pytest.mark.parametrize(
    ("side_px", "gpu", "expected"),
    [(8, False, 32), (40, False, 32), (64, False, 64), (512, False, 64), (512, True, 128), (100, True, 96)],
)
def test_images_are_neither_enlarged_without_need_nor_too_large_for_a_cpu(
    side_px: int, gpu: bool, expected: int
) -> None:
    assert image_size(side_px, gpu=gpu) == expected


@pytest.fixture(scope="module")
def own_run(ray_started: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The folder of a small finished study of own images, and its command."""
    root = tmp_path_factory.mktemp("own")
    draw(root / "images" / "normal", 12, grey=90)
    draw(root / "images" / "tumour", 18, grey=150)
    kept = [f"--{kind}={root / kind}" for kind in ("results", "reports", "cache", "ledger")]
    budget = ["--trials", "2", "--epochs", "2", "--seeds", "2", "--architecture", "lenet"]
    command = ["--images", str(root / "images"), "--name", "scans", *budget, *kept]
    assert run.main(command) == DONE
    return root, command


def test_a_study_of_ones_own_images_runs_and_goes_on(
    own_run: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    root, command = own_run
    assert records.load_run(RunFolder(root / "results" / "scans")).finished
    report = (root / "reports" / "scans.md").read_text()
    assert "tumour" in report
    assert "document" not in report.partition("## How it was done")[0].lower()
    assert run.main(command) == DONE
    assert "scans is finished" in capsys.readouterr().err


def test_a_dry_run_shows_its_plan_where_a_run_would_be_refused_and_says_why(
    own_run: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    _, command = own_run
    assert run.main([*command, "--epochs", "3", "--dry-run"]) == USER_ERROR
    said = capsys.readouterr()
    assert "Nothing was recorded" in said.out
    assert "Without --dry-run this would be refused:" in said.err
    assert "epochs: 2 -> 3" in said.err
    assert "It has opened its test split: a new run needs --open-test-again, too" in said.err
    assert run.main([*command, "--epochs", "3", "--dry-run", "--fresh"]) == USER_ERROR
    said = capsys.readouterr()
    assert "Nothing was recorded" in said.out
    assert "A test split is opened once" in said.err


def test_the_first_screen_says_what_the_commands_answer_with_and_what_that_gives_on_test(
    own_run: tuple[Path, list[str]],
) -> None:
    root, _ = own_run
    winner = load_winner("scans", root / "results")
    folder = RunFolder(root / "results" / "scans")
    test = records.read_predictions(folder, records.load_run(folder)).of(winner.architecture, TUNED, TEST)
    found = winner.decide(winner.ensemble(test.probabilities))[test.targets == 1].mean()
    (line,) = (
        text for text in (root / "reports" / "scans.md").read_text().splitlines() if text.startswith("*In use.*")
    )
    assert f"answer with {winner.architecture}, which val favours" in line
    assert f"from a probability of {winner.threshold:.3f} on (Youden, chosen on val)" in line
    assert f"sensitivity {100 * found:.1f} %" in line


def test_predict_decides_at_the_threshold_that_is_given_or_that_a_sensitivity_on_val_asks_for(
    own_run: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    root, _ = own_run
    given = ["scans", str(root / "images"), "--results", str(root / "results")]

    def answers(*more: str) -> tuple[list[dict[str, str]], str]:
        assert predict.main([*given, *more]) == DONE
        said = capsys.readouterr()
        return list(csv.DictReader(said.out.splitlines())), said.err

    rows, _ = answers()
    middle = sorted(float(row["p_tumour"]) for row in rows)[len(rows) // 2]
    rows, said = answers("--threshold", repr(middle))
    assert f"from a probability of {middle:.3f} on (as given)" in said
    assert [row["answer"] == "tumour" for row in rows] == [float(row["p_tumour"]) >= middle for row in rows]
    _, said = answers("--sensitivity", "1")
    folder = RunFolder(root / "results" / "scans")
    val = records.read_predictions(folder, records.load_run(folder)).of("lenet", TUNED, VAL)
    ensemble = load_winner("scans", root / "results").ensemble(val.probabilities)
    assert f"from a probability of {ensemble[val.targets == 1, 1].min():.3f} on (which finds at least 100 % of" in said


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--threshold", "0"], "A threshold must be above 0 and at most 1, but is 0"),
        (["--sensitivity", "95"], "A sensitivity must be above 0 and at most 1, but is 95"),
    ],
)
def test_thresholds_that_make_no_sense_are_refused(
    own_run: tuple[Path, list[str]], more: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root, _ = own_run
    assert predict.main(["scans", str(root / "images"), "--results", str(root / "results"), *more]) == USER_ERROR
    assert says in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        predict.main(["scans", str(root / "images"), "--threshold", "0.5", "--sensitivity", "0.9"])
    assert "not allowed with argument --threshold" in capsys.readouterr().err
