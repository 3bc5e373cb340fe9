"""What could leak between splits is told, and what was done about it."""

import pandas as pd
import pytest
from rendered import rendered
from synthetic import changing, write_run

from study.records import RunFolder
from study.report import draw_report
from study.report.core.study_run import load, siblings
from study.report.data.leakage import duplicates, grouping, sensitivity
from study.report.overview.summary import opening
from study.report.sections import method

LOOK_ALIKES = {"look_alike_links": 9, "look_alike_groups": 4, "look_alike_extra_pictures": 7}
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def run(finished):
    """Read anew so that a test may change it."""
    return load(finished.folder)


def test_look_alikes_are_told_beside_equal_pixels(run):
    with changing(run) as manifest:
        manifest["duplicates"] |= LOOK_ALIKES | {"look_alike_spanning_test": 3, "look_alike_groups_of_two_labels": 2}
    (words,) = duplicates(run)
    assert (
        "29 pictures stand in more than one file, pixel by pixel: 31 files too many (20 of them also byte by byte)"
        in words
    )
    assert "12 test images also stood on the training side; those copies were left out of it." in words
    assert "7 further pictures look like another one (resized, recompressed, brightened, flipped or turned)" in words
    assert "in 4 groups." in words
    assert "Likeness is" not in words
    assert "Of these groups, 2 carry two different labels." in words
    assert "3 further test images look like one on the training side; those look-alikes were left out of it." in words


def test_how_sure_the_links_are_is_told_on_the_scale_of_the_data_set(run):
    with changing(run) as manifest:
        manifest["duplicates"] |= LOOK_ALIKES | {"look_alike_spanning_test": 0, "look_alike_doubtful": 2}
        manifest["likeness"] = {"usual": 0.855, "likely": 0.965, "sure": 0.978}
    (words,) = duplicates(run)
    assert "From 0.965 on two were linked; 2 of 9 links are doubtful, below 0.978." in words
    assert "copies can hardly be told" not in words


def test_where_most_images_are_alike_it_is_said_that_copies_can_hardly_be_told(run):
    with changing(run) as manifest:
        manifest["duplicates"] |= LOOK_ALIKES | {"look_alike_spanning_test": 0, "look_alike_doubtful": 0}
        manifest["likeness"] = {"usual": 0.95, "likely": 0.985, "sure": 0.985}
        manifest["groups"] = "exact"
    (words,) = duplicates(run)
    assert "Most images are so like another one (likeness 0.95 in the median) that copies can hardly be told" in words
    assert "From 0.985 on two would be linked" in words


def test_look_alikes_that_were_taken_for_strangers_are_said_to_have_stayed(run):
    with changing(run) as manifest:
        manifest["groups"] = "exact"
        manifest["duplicates"] |= LOOK_ALIKES | {"look_alike_spanning_test": 3}
    (words,) = duplicates(run)
    assert "those copies were left out of it" in words
    assert "those look-alikes stayed in it" in words
    assert "taken for strangers (`--groups exact`)" in grouping(run)


def test_that_nothing_looks_alike_is_told_as_well(run):
    with changing(run) as manifest:
        manifest["duplicates"] = {"extra_copies": 0, "look_alike_links": 0}
    (words,) = duplicates(run)
    assert "No two files hold the same picture" in words
    assert "Nor does any look like another one" in words


def test_without_groups_the_copies_are_said_to_have_stayed(run):
    with changing(run) as manifest:
        manifest["groups"] = "none"
        manifest["duplicates"] |= LOOK_ALIKES | {"look_alike_spanning_test": 3}
    (words,) = duplicates(run)
    assert "never spans" not in words
    # As in a log of an earlier version.
    assert "Of these groups" not in words
    assert words.count("stayed in it") == 2
    assert "knows no leaks" in grouping(run)


def test_images_whose_patient_is_unknown_are_counted_beside_those_whose_patient_is_known(run):
    with changing(run) as manifest:
        manifest["groups"] = "duplicates"
        manifest["dataset"] |= {"group_meaning": "patient", "ungrouped": 180}
    assert grouping(run).startswith("**Of 180 images the patient is unknown,**")
    assert "Images of one patient stay in one split" in grouping(run)
    # As in a log of an earlier version.
    with changing(run) as manifest:
        del manifest["dataset"]["ungrouped"]
    assert "unknown" not in grouping(run)


def test_without_copies_no_look_alike_is_called_a_further_one(run):
    with changing(run) as manifest:
        manifest["duplicates"] |= LOOK_ALIKES | {"extra_copies": 0, "look_alike_spanning_test": 0}
    (words,) = duplicates(run)
    assert "7 pictures look like another one" in words
    assert "further" not in words


def test_images_that_were_left_out_are_listed_and_shown_beside_their_twins(tmp_path):
    folder = write_run(tmp_path / "results")
    rows = [("train/1.png", "left_out", "looks like an image of the test split", "test/2.png", "0.97")]
    rows += [("train/3.png", "train", "", "", ""), ("test/2.png", "test", "", "", "")]
    pd.DataFrame(rows, columns=["path", "split", "reason", "twin", "likeness"]).to_csv(folder.splits, index=False)
    folder.left_out.write_bytes(PNG)
    page = draw_report(folder, tmp_path / "reports").read_text()
    name = folder.root.name
    assert f"({name}/left-out.csv)" in page
    assert f"({name}/left-out.png)" in page
    listed = pd.read_csv(tmp_path / "reports" / name / "left-out.csv")
    assert listed.to_dict("records") == [
        {
            "path": "train/1.png",
            "reason": "looks like an image of the test split",
            "twin": "test/2.png",
            "likeness": 0.97,
        }
    ]
    assert (tmp_path / "reports" / name / "left-out.png").read_bytes() == PNG


def test_runs_of_the_same_images_under_other_groupings_are_compared(tmp_path):
    results = tmp_path / "results"
    default = write_run(results, manifest={"groups": "duplicates"})
    for way in ("none", "similarity"):
        write_run(results, name=f"{default.root.name}-{way}", manifest={"groups": way})
    run = load(default)
    found = siblings(default, run)
    assert set(found) == {"none", "similarity"}
    table = sensitivity(run, found)
    assert table.index("no leakage check") < table.index("copies and look-alikes") < table.index("similar images")
    assert table.count("| lenet |") == 3
    # From each of them the others are found.
    other = RunFolder(results / f"{default.root.name}-none")
    assert set(siblings(other, load(other))) == {"duplicates", "similarity"}


@pytest.mark.parametrize(
    ("way", "words"),
    [
        (None, "Copies of one picture, pixel by pixel, stay together"),
        ("none", "No images were kept together, copies included"),
        ("exact", "Pictures that only look alike were taken for strangers"),
        ("duplicates", "also where it was resized, recompressed, brightened, flipped or turned, stay together"),
        ("similarity", "So do images that are merely alike"),
    ],
)
def test_the_method_says_what_was_kept_together(tmp_path, way, words):
    run = load(write_run(tmp_path, manifest={} if way is None else {"groups": way}))
    assert words in rendered(method, run)


def test_the_method_of_a_holdout_says_of_which_images_test_is(tmp_path):
    run = load(write_run(tmp_path, manifest={"holdout": True}))
    assert "Test is 15 % of the images other than those of the official test split" in rendered(method, run)


def test_a_run_of_other_images_is_no_sibling(tmp_path):
    default = write_run(tmp_path, manifest={"groups": "duplicates"})
    write_run(tmp_path, name=f"{default.root.name}-none", manifest={"groups": "none", "data_hash": "e" * 64})
    run = load(default)
    assert siblings(default, run) == {}
    assert sensitivity(run, {}) == ""


def test_earlier_looks_at_the_test_split_stand_in_the_first_lines_and_in_the_method(tmp_path):
    known = {"test_hash": "b" * 64, "created": "2026-03-01T09:00:00+00:00", "num_images": 220, "num_networks": 6}
    earlier = [{"run": "first_try", "opened": "2026-03-01T10:00:00+00:00", **known}]
    run = load(write_run(tmp_path / "results", manifest={"opened_before": earlier}))
    said = "The test split had been opened 1 time before this run, on 2026-03-01 by first_try."
    assert f"**{said}**" in opening(run)
    assert said in rendered(method, run)


def test_a_first_look_and_a_closed_official_split_are_said(tmp_path):
    run = load(write_run(tmp_path / "results", manifest={"opened_before": [], "holdout": True}))
    assert "The ledger of test openings that this machine keeps knows of no earlier look at it." in rendered(
        method, run
    )
    (line,) = opening(run)
    assert "The official test split stayed closed" in line
