import re

import pytest

from study.records import TEST, TUNED, EventLog
from study.report import draw_report
from study.report.core.analysis import analyse
from study.report.core.study_run import load
from study.report.model_card import model_cards
from study.wording import fraction


@pytest.fixture(scope="module")
def card(multiclass):
    """The card of the baseline CNN, four classes."""
    return (multiclass.reports / "brain" / "model-card-baseline_cnn.md").read_text(encoding="utf-8")


def test_each_tested_architecture_has_a_card_that_the_report_links(multiclass, standin):
    for pair in ("baseline_cnn", "four_block_cnn"):
        assert (multiclass.reports / "brain" / f"model-card-{pair}.md").exists()
        assert f"[model-card-{pair}.md](brain/model-card-{pair}.md)" in multiclass.page
    # lenet has no finalist there.
    assert sorted(path.name for path in (standin.reports / standin.folder.root.name).glob("*.md")) == [
        "model-card-alexnet.md",
        "model-card-hahnet.md",
    ]
    assert "model-card-lenet.md" not in standin.page


def test_a_card_has_the_parts_that_mitchell_et_al_ask_for(card):
    headings = [line for line in card.splitlines() if line.startswith("#")]
    assert headings == [
        "# Model card: baseline_cnn",
        "## Model",
        "## Intended use",
        "## Data",
        "## Metrics",
        "## Limits",
        "## Files",
    ]
    assert "[HER2 status from IHC patches](../brain.md) of 2026-03-14" in card
    assert "it is no medical device" in card
    assert "licence: CC0." in card
    assert "419 train (glioma 120, meningioma 118, no_tumor 60, pituitary 121)" in card


def test_a_card_gives_the_values_of_the_report_with_their_intervals(card, multiclass):
    run = load(multiclass.folder)
    analysis = analyse(run)
    values = analysis.values("baseline_cnn", TUNED, TEST)
    assert f"| ROC-AUC | {fraction(values['roc_auc'])} | " in card
    classes = re.findall(r"^\| (glioma|meningioma|no_tumor|pituitary) \| \d", card, re.MULTILINE)
    assert classes == run.classes
    assert re.search(r"^- Recipe: optimizer adam, lr [\d.e-]+, .*batchnorm (yes|no)", card, re.MULTILINE)


def test_a_card_of_drawn_images_says_so_first(standin):
    text = (standin.reports / standin.folder.root.name / "model-card-hahnet.md").read_text(encoding="utf-8")
    assert text.splitlines()[2].startswith("**The images of this run are DRAWN by this program")


def test_the_weights_are_named_with_their_hashes_where_the_log_knows_them(make_run):
    folder = make_run()
    log = EventLog(folder.events)
    known = {"weights/alexnet-tuned-seed1.pt": "abcdef0123456789" * 4}
    log.append("completed", trial="alexnet-tuned-seed1", epochs=9, best_epoch=8, best_loss=0.5, files=known)
    log.close()
    run = load(folder)
    card = model_cards(run, analyse(run))["model-card-alexnet.md"]
    assert "| `weights/alexnet-tuned-seed0.pt` | 100 | not recorded |" in card
    assert "| `weights/alexnet-tuned-seed1.pt` | 101 | `abcdef012345` |" in card


def test_where_the_starting_recipe_won_its_seed_runs_are_the_winners(finished):
    card = (finished.reports / "her2_binary" / "model-card-lenet.md").read_text(encoding="utf-8")
    assert "`weights/lenet-document-seed2.pt`" in card
    assert "tuned" not in card


def test_cards_of_an_earlier_drawing_are_removed(make_run, tmp_path):
    folder, reports = make_run(stage="declared"), tmp_path / "reports"
    old = reports / "her2_binary" / "model-card-gone.md"
    old.parent.mkdir(parents=True)
    old.write_text("")
    draw_report(folder, reports)
    assert not old.exists()
