"""Looks at a test split are written down once each, and are not forgotten."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from study.records.ledger import Ledger
from study.records.opening import Opening
from study.records.storage import Storage

OPENING = Opening(
    test_hash="abc",
    run="brain_tumor",
    created="2026-11-21T10:00:00+00:00",
    opened="2026-11-21T12:00:00+00:00",
    num_images=394,
    num_networks=15,
)


def test_an_opening_is_found_by_the_split_that_was_opened(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "new folder" / "ledger.jsonl")
    assert ledger.openings("abc") == []
    ledger.add(OPENING)
    ledger.add(replace(OPENING, test_hash="def"))
    assert ledger.openings("abc") == [OPENING]


def test_a_run_that_goes_on_opens_the_split_once(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.add(OPENING)
    ledger.add(replace(OPENING, opened="2026-11-21T13:00:00+00:00"))
    assert ledger.openings("abc") == [OPENING]
    assert ledger.openings("abc", besides=(OPENING.run, OPENING.created)) == []


def test_the_same_run_begun_afresh_is_another_look(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.add(OPENING)
    fresh = replace(OPENING, created="2026-11-22T10:00:00+00:00")
    assert ledger.openings("abc", besides=(fresh.run, fresh.created)) == [OPENING]
    ledger.add(fresh)
    assert ledger.openings("abc") == [OPENING, fresh]


def test_runs_that_open_a_split_at_the_same_time_are_all_written_down(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    runs = [replace(OPENING, run=f"run {number}") for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda opening: ledger.add(opening), runs))
    assert sorted(o.run for o in ledger.openings("abc")) == sorted(o.run for o in runs)


def test_an_opening_after_a_torn_line_is_not_lost(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.add(OPENING)
    with ledger.path.open("a") as file:
        file.write('{"event": "test_op')
    ledger.add(replace(OPENING, run="other"))
    assert [o.run for o in ledger.openings("abc")] == ["brain_tumor", "other"]


def test_a_storage_tells_other_machines_what_was_opened(tmp_path: Path, bucket: str) -> None:
    storage = Storage(bucket)
    first, second = (Ledger(tmp_path / name / "ledger.jsonl", storage) for name in ("one", "other"))
    first.add(OPENING)
    assert second.openings("abc") == [OPENING]
    assert second.openings("abc", besides=(OPENING.run, OPENING.created)) == []
    # The run goes on there, and looks at the split again.
    second.add(replace(OPENING, opened="2026-11-21T13:00:00+00:00"))
    assert first.openings("abc") == [OPENING]
    later = replace(OPENING, run="other", opened="2026-11-23T12:00:00+00:00")
    second.add(later)
    assert first.openings("abc") == [OPENING, later]
    assert Ledger(first.path).openings("abc") == [OPENING]
