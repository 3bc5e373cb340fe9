import re
import subprocess
import sys

import pytest
from PIL import Image
from rendered import rendered
from synthetic_explanations import start, write_explanations

from study.records import EXPLANATIONS, EventLog
from study.report import draw_report
from study.report.core import style
from study.report.core.section import Context
from study.report.core.study_run import load
from study.report.search.tables import cost_table
from study.report.sections import claim_checklist, saliency, sections

FIGURES = ("mistakes", "suspected-labels", "maps")


@pytest.fixture
def explain(make_run):
    """A function that writes a run whose networks are explained; its arguments are those of `write_explanations`."""

    def make(plan=None, **changes):
        folder = make_run(**(plan or {}))
        log = EventLog(folder.events)
        write_explanations(folder, log, **changes)
        log.close()
        return folder

    return make


def section(folder):
    run = load(folder)
    return saliency.SECTION.markdown(Context(run, sections()))


def row(page, name):
    """The cells of the last row that begins with this name."""
    lines = [line for line in page.splitlines() if line.startswith(f"| {name} |")]
    return [cell.strip() for cell in lines[-1].strip("|").split("|")]


def test_pictures_and_maps_are_drawn_from_records_alone_without_torch_and_without_images(explain, tmp_path):
    # With networks as good as usual no label is suspected.
    folder = explain({"strengths": {"lenet": 0.7, "alexnet": 0.7, "hahnet": 0.9}})
    code = (
        "import sys; from pathlib import Path; from study.records import RunFolder; "
        "from study.report import draw_report; draw_report(RunFolder(Path(sys.argv[1])), Path(sys.argv[2])); "
        "sys.exit(any(name in sys.modules for name in ('ray', 'torch', 'captum')))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder.root), str(tmp_path / "reports")], check=False)
    assert done.returncode == 0
    page = (tmp_path / "reports" / "her2_binary.md").read_text()
    for name in FIGURES:
        path = tmp_path / "reports" / "her2_binary" / f"{name}.png"
        with Image.open(path) as picture:
            assert picture.width == style.WIDTH_IN * style.DPI
        assert path.stat().st_size < 300_000
        (alt,) = re.findall(rf"!\[([^\]]+)\]\(her2_binary/{name}\.png\)", page)
        assert len(alt) > 60
    assert page.index("## Where they go wrong") < page.index("## What do they look at?")
    assert "What is missing" not in page


def test_the_checklist_for_a_paper_answers_the_item_on_explanations_where_there_are_some(explain, make_run):
    plan = {"name": "unexplained"}
    unexplained = load(make_run(**plan))
    explained = load(explain())
    left = rendered(claim_checklist, unexplained)
    assert "explanations of single answers (31)" in left
    answered = rendered(claim_checklist, explained)
    assert "| 31 | Explanations | Grad-CAM" in answered
    assert "(31)" not in answered


def test_a_run_without_explanations_is_drawn_as_before(finished):
    assert "What do they look at?" not in finished.page
    assert "ms an image" not in finished.page
    assert "What is missing" not in finished.page
    assert not [name for name in FIGURES if (finished.reports / "her2_binary" / f"{name}.png").exists()]


def test_a_run_that_is_being_explained_is_drawn_as_before(make_run):
    folder = make_run()
    log = EventLog(folder.events)
    start(log)
    log.close()
    run = load(folder)
    assert run.explanations is None
    assert run.unexplained == ""


def test_why_explanations_are_missing_stands_at_the_top_and_the_results_are_drawn(make_run, tmp_path):
    folder = make_run()
    log = EventLog(folder.events)
    start(log)
    log.append("failed", trial=EXPLANATIONS, kind="error", reason="RuntimeError: no <layer>", traceback="", epochs=0)
    log.close()
    page = draw_report(folder, tmp_path / "reports").read_text()
    top = page[: page.index("| Architecture |")]
    assert "time that they take for an image: RuntimeError: no &lt;layer>. The study's command, given again" in top
    assert "hahnet ranks the images best" in page
    assert "What do they look at?" not in page


def test_the_captions_tell_class_answer_and_probability(explain):
    run = load(explain())
    drawn = Context(run, sections()).figures
    words = re.findall(r"(positive|negative) taken for (positive|negative) \((0\.\d{3})\)", drawn["mistakes"].alt)
    assert len(words) == 10
    assert all(true != answer for true, answer, _ in words)
    figure = drawn["mistakes"].draw()
    for axis, (true, answer, probability) in zip(figure.axes, words, strict=True):
        expected = f"{true}\n\N{RIGHTWARDS ARROW} {answer}\n{probability}"
        assert axis.get_xlabel() == expected


def test_each_architecture_has_two_images_of_a_kind_with_their_maps(explain):
    run = load(explain(without_map=["alexnet"]))
    figure = Context(run, sections()).figures["maps"].draw()
    assert [part.get_suptitle() for part in figure.subfigs] == ["lenet", "alexnet", "hahnet"]
    for part in figure.subfigs:
        shown = [axis for axis in part.axes if axis.get_visible()]
        assert len(shown) == 12
        assert [axis.get_title() for axis in shown if axis.get_title()] == ["right", "wrong", "random"]
    texts = [[text.get_text() for axis in part.axes for text in axis.texts] for part in figure.subfigs]
    assert texts == [[], ["no map"] * 6, []]


def test_a_network_without_maps_is_named(explain):
    words = section(explain(without_map=["alexnet"]))
    assert "alexnet has NO MAP for 9 of 9 images: it is zero everywhere." in words
    assert row(words, "alexnet")[1] == "\N{EM DASH}"
    assert "lenet has NO MAP" not in words


def test_the_check_says_of_each_network_what_its_maps_depend_on(explain):
    correlations = {"alexnet": (0.2, 0.8, 0.9), "hahnet": (0.7, 0.8, 0.3)}
    words = section(explain(correlations=correlations))
    (seen,) = re.findall(r"What to see: the maps of .*", words)
    assert "the maps of lenet depend on the weights and on the image, in the mean over their images, as they" in seen
    assert "those of alexnet depend on the weights, but are much the same for every image" in seen
    assert "those of hahnet hardly depend on the weights" in seen
    assert row(words, "hahnet")[1:] == [
        "6 x 6",
        "0.70 (0.70\N{EN DASH}0.70)",
        "0.80 (0.80 to 0.80)",
        "0.30 (0.30\N{EN DASH}0.30)",
    ]


def test_maps_that_can_not_be_compared_pass_no_check(explain):
    words = section(explain(correlations=dict.fromkeys(("lenet", "alexnet", "hahnet"), (None, None, None))))
    assert "What to see: of lenet, alexnet and hahnet it can't be told" in words
    assert "as they must" not in words
    assert row(words, "lenet")[2:] == ["\N{EM DASH}"] * 3


def test_the_table_of_cost_tells_the_time_for_an_image(explain):
    run = load(explain())
    table = cost_table(run)
    assert table.splitlines()[0].endswith("| ms an image | in batches of 32 |")
    assert row(table, "alexnet")[-2:] == ["2.5", "0.5"]
    assert row(table, "**all**")[-2:] == ["\N{EM DASH}"] * 2


def test_an_architecture_without_a_result_is_left_out(explain):
    folder = explain({"no_finalist": ("lenet",), "lost_seeds": {"alexnet": 0}})
    words, table = section(folder), cost_table(load(folder))
    assert "of seed run 0 and 1 of the tuned recipe" in words
    assert row(words, "alexnet")
    assert "| lenet |" not in words
    assert row(table, "lenet")[-2:] == ["\N{EM DASH}"] * 2
