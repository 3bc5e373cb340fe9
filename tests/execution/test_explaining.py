"""What is recorded of single images once the test split has been scored, of real networks."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from study import records, selection
from study.cli.study_selection import find_study
from study.command import DONE
from study.evaluation.saliency_maps import likeness
from study.execution.study_session import is_complete
from study.execution.task import ExplainTask
from study.execution.worker.explaining import explain
from study.planning.make_plan import make_plan
from study.planning.options import Options
from study.planning.resources import Slots
from study.planning.workload import Running, Workload
from study.records import EXPLANATIONS, TEST, Explanations, RunFolder, read_explanations
from study.report import draw_report
from study.report.core.study_run import load
from study.training import checkpoint

Command = Callable[..., int]


@pytest.fixture
def copied(finished_run: Path, tmp_path: Path) -> RunFolder:
    """A copy of a finished run, to be changed."""
    shutil.copytree(finished_run / "tiny", tmp_path / "tiny")
    return RunFolder(tmp_path / "tiny")


@pytest.fixture
def workload(copied: RunFolder, tiny_images: Path, tiny_study: Path, tmp_path: Path) -> Workload:
    """Of the copied run."""
    options = Options(
        data=tiny_images, results=tmp_path, cache=tmp_path / "cache", ledger=tmp_path / "test-openings.jsonl",
        trials=5, epochs=4, seeds=2, groups="duplicates",
    )  # fmt: skip
    plan = make_plan("tiny", find_study(str(tiny_study)), options)
    return plan.workload(Slots(num=1, cpus=1, gpus=0), Running())


def explained(
    folder: RunFolder, workload: Workload, *, micro_batch: int = 0
) -> tuple[Explanations, list[dict[str, Any]]]:
    """What the stage records, and what it reports, in this process."""
    reports: list[dict[str, Any]] = []
    task = ExplainTask(run="tiny", id=EXPLANATIONS, seed=0, micro_batch=micro_batch)
    explain(task, workload, reports.append, beat=lambda: None)
    return read_explanations(folder.explanations), reports


def last_event(folder: RunFolder, kind: str, trial: str) -> int:
    """Its place in the log."""
    events = list(records.read_events(folder.events))
    return max(i for i, e in enumerate(events) if e["event"] == kind and e.get("trial", trial) == trial)


def cut_after(folder: RunFolder, kind: str, trial: str) -> None:
    lines = folder.events.read_bytes().splitlines(keepends=True)
    folder.events.write_bytes(b"".join(lines[: last_event(folder, kind, trial) + 1]))


def test_a_finished_run_has_recorded_all_that_its_report_shows(finished_run: Path) -> None:
    folder = RunFolder(finished_run / "tiny")
    state = records.load_run(folder)
    assert is_complete(folder, state)
    assert last_event(folder, "finished", "") < last_event(folder, "started", EXPLANATIONS)
    found = read_explanations(folder.explanations)
    assert list(found.networks) == list(state.manifest.pairs)
    report = load(folder)
    for pair, each in found.networks.items():
        chosen = selection.looked_at(TEST, report.tested[pair], number=0, seed=0)
        assert [(m.chosen_as, m.path, m.target, m.answer) for m in each.maps] == [
            (why, example.path, example.target, example.answer) for why, example in chosen
        ]
        assert (each.seed_run, each.other_seed_run, each.layer) == (0, 1, "features")
        assert set(each.latency_ms) == {1, 32}
        assert min(each.latency_ms.values()) > 0
        assert {len(m.untrained) for m in each.maps} == {5}
    lists = selection.listed(report.predictions, "roc_auc")
    assert set(lists) == {selection.MISTAKES, selection.SUSPECTED_LABELS}
    assert {example.path for shown in lists.values() for example in shown} <= set(found.thumbnails)
    assert {m.path for each in found.networks.values() for m in each.maps} <= set(found.thumbnails)
    assert {pixels.shape for pixels in found.thumbnails.values()} == {(16, 16, 3)}
    assert found.machine["num_threads"] == 1


def test_the_thumbnails_are_the_pixels_that_the_networks_see(copied: RunFolder, workload: Workload) -> None:
    found, _ = explained(copied, workload)
    pixels = np.load(workload.pixels)
    row_of = dict(zip(workload.table["path"], workload.table["row"], strict=True))
    for path, thumbnail in found.thumbnails.items():
        np.testing.assert_array_equal(thumbnail, pixels[row_of[path]])


def test_the_same_records_give_the_same_maps(copied: RunFolder, workload: Workload) -> None:
    before = read_explanations(copied.explanations)
    again, reports = explained(copied, workload)
    assert [report["event"] for report in reports] == ["explained", "explained", "completed"]
    assert reports[-1]["files"] == copied.hashes([copied.explanations])
    for pair, each in again.networks.items():
        for one, other in zip(each.maps, before.networks[pair].maps, strict=True):
            assert one.untrained == pytest.approx(other.untrained, abs=1e-6)
            assert one.other_seed == pytest.approx(other.other_seed, abs=1e-6)
            assert (one.heat is None) == (other.heat is None)
            if one.heat is not None and other.heat is not None:
                np.testing.assert_allclose(one.heat, other.heat, atol=1)


def test_where_memory_has_run_out_before_a_smaller_batch_is_timed(copied: RunFolder, workload: Workload) -> None:
    found, _ = explained(copied, workload, micro_batch=8)
    assert {tuple(each.latency_ms) for each in found.networks.values()} == {(1, 8)}


def test_a_network_without_a_map_is_recorded_as_such_and_the_report_says_so(
    copied: RunFolder, workload: Workload, tmp_path: Path
) -> None:
    state = records.load_run(copied)
    dead = copied.weights(state.seed_runs("lenet", "tuned")[0].id)
    weights = checkpoint.load(dead)
    # Each image gets the same answer, whatever is in it.
    weights["model"]["head.4.weight"] = torch.zeros_like(weights["model"]["head.4.weight"])
    checkpoint.save(dead, weights)
    found, reports = explained(copied, workload)
    maps = found.networks["lenet"].maps
    assert {(m.heat is None, m.why_none) for m in maps} == {(True, "it is zero everywhere")}
    assert not likeness(value for m in maps for value in m.untrained).known
    assert any(m.heat is not None for m in found.networks["four_block_cnn"].maps)
    log = records.EventLog(copied.events)
    log.append("completed", trial=EXPLANATIONS, epochs=0, files=reports[-1]["files"])
    log.close()
    page = draw_report(copied, tmp_path / "reports").read_text()
    assert f"lenet has NO MAP for {len(maps)} of {len(maps)} images: it is zero everywhere." in page
    # The other's maps, of images of 16 px, have too few cells.
    assert "of lenet and four_block_cnn it can't be told" in page


@pytest.mark.parametrize("kind", ["finished", "started"])
def test_a_finished_run_of_an_earlier_version_or_one_that_was_killed_is_explained_without_opening_the_test_again(
    finished_run: Path, ray_started: None, copied: RunFolder, command: Command, kind: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    cut_after(copied, kind, EXPLANATIONS if kind == "started" else "")
    before = read_explanations(copied.explanations)
    copied.explanations.unlink()
    kept = {path: path.read_bytes() for path in [*copied.root.glob("predictions/*"), copied.seed_runs, copied.manifest]}
    ledger = copied.root.parent / "test-openings.jsonl"
    page = draw_report(copied, copied.root.parent / "reports").read_text()
    assert "What do they look at?" not in page
    assert "What is missing" not in page
    assert not is_complete(copied, records.load_run(copied))
    assert command(copied.root.parent, "--cpus-per-trial", "2") == DONE
    assert "tiny is finished, but for what its report shows of single images" in capsys.readouterr().err
    assert is_complete(copied, records.load_run(copied))
    assert sum(e["event"] == "test_opened" for e in records.read_events(copied.events)) == 1
    assert not ledger.exists()
    assert {path: path.read_bytes() for path in kept} == kept
    after = read_explanations(copied.explanations)
    assert set(after.thumbnails) == set(before.thumbnails)
    assert "## What do they look at?" in (copied.root.parent / "reports" / "tiny.md").read_text()
