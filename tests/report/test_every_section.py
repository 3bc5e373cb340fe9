"""What every section of a report must do, whichever run it is drawn from, and that one file is enough for a new one."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from synthetic import write_run
from synthetic_explanations import write_explanations

from study.records import EventLog, RunFolder
from study.registry import Kind
from study.report import Context, sections
from study.report.__main__ import main
from study.report.core import style

# What of a run a section may meet. Where networks are as good as usual, no label is suspected.
RUNS = {
    "finished": {"strengths": {"lenet": 0.7, "alexnet": 0.7, "hahnet": 0.9}},
    "finished, four classes": {"num_classes": 4, "strengths": {"baseline_cnn": 1.2, "four_block_cnn": 1.2}},
    "finished, one network": {"strengths": {"lenet": 1.0}},
    "declared": {"stage": "declared"},
    "searching": {"stage": "searching"},
    "seed runs done": {"stage": "seeds"},
    "all trials failed": {"stage": "seeds", "no_finalist": ("lenet", "alexnet", "hahnet")},
    "finished, trials and seed runs failed": {"no_finalist": ("lenet",), "lost_seeds": {"alexnet": 1}},
}
SHIPPED = sections.sections()

OWN = '''"""How many trials each network had, as a table and as bars."""

from study.report import Drawing, Section
from study.report.core import style
from study.report.core.markdown import join, table


def _figures(context):
    bars = Drawing(sees="All bars are equally long.", alt="A bar for each network", draw=lambda: _draw(context))
    return {"bars": bars}


def _draw(context):
    figure = style.new_figure(height_in=2)
    figure.subplots().barh(context.run.pairs, [len(context.run.search(pair)) for pair in context.run.pairs])
    return figure


def _render(context):
    rows = [[pair, str(len(context.run.search(pair)))] for pair in context.run.pairs]
    return join([table(["Network", "Trials"], rows), context.figure("bars")])


SECTION = Section(title="How many trials?", render=_render, figures=_figures)
'''


@pytest.fixture(scope="module", params=RUNS)
def context(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Context:
    """The page of one of the runs; single images are explained where the study is finished."""
    folder = write_run(tmp_path_factory.mktemp("results"), **RUNS[request.param])
    if request.param.startswith("finished"):
        log = EventLog(folder.events)
        write_explanations(folder, log)
        log.close()
    return sections.page_of(folder)


def headings_in(markdown: str, levels: str) -> list[str]:
    return re.findall(rf"^{levels} (.+)$", markdown, flags=re.MULTILINE)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_section_has_its_heading_and_no_other_of_that_level_or_nothing_to_say(name: str, context: Context) -> None:
    section = SHIPPED[name]
    markdown = section.markdown(context)
    assert headings_in(markdown, "##?") == ([section.title] if markdown and section.title else [])
    assert markdown == "" or len(markdown) > len(section.title) + 10


@pytest.mark.parametrize("name", SHIPPED)
def test_a_section_shows_each_of_its_figures_once_with_words_for_those_who_cant_see_it(
    name: str, context: Context
) -> None:
    section, run = SHIPPED[name], context.run.name
    markdown = section.markdown(context)
    figures = section.figures(context)
    shown = re.findall(rf"!\[([^\]]+)\]\({run}/([^)]+)\.png\)", markdown)
    assert sorted(figure for _, figure in shown) == sorted(figures)
    assert all(len(words) > 20 for words, _ in shown)
    for drawing in figures.values():
        assert drawing.sees in markdown
        assert drawing.how in markdown
        with style.styled():
            assert drawing.draw().axes or drawing.draw().subfigs


def test_a_page_has_no_heading_twice(context: Context) -> None:
    page = "\n\n".join(section.markdown(context) for section in context.sections.values())
    headings = headings_in(page, "##")
    assert len(set(headings)) == len(headings)
    assert {"Data", "Search", "Finalists", "How it was done, and its limits"} <= set(headings)


def test_a_run_that_came_further_is_not_told_less(make_run: Callable[..., RunFolder]) -> None:
    told: set[str] = set()
    for stage in ("declared", "searching", "seeds", "tested"):
        page = sections.page_of(make_run(name=stage, stage=stage))
        found = {name for name, section in page.sections.items() if section.markdown(page)}
        assert told <= found, stage
        told = found


@pytest.fixture
def draw(
    make_run: Callable[..., RunFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, Path]]:
    """A function that writes sections into files and draws a report with them; gives exit code and folder of reports.

    What was added is known to this test alone.
    """
    fresh = Kind(name=sections.KIND.name, package=sections.KIND.package, attribute=sections.KIND.attribute)
    monkeypatch.setattr(sections, "KIND", fresh)
    make_run(stage="searching")

    def drawn(**sources: str) -> tuple[int, Path]:
        arguments = ["her2_binary", "--results", str(tmp_path / "results"), "--reports", str(tmp_path / "reports")]
        for name, source in sources.items():
            path = tmp_path / f"{name}.py"
            path.write_text(source)
            arguments += ["--section", str(path)]
        return main(arguments), tmp_path / "reports"

    return drawn


def test_a_file_outside_the_package_is_a_section_of_the_page_with_its_figure(
    draw: Callable[..., tuple[int, Path]],
) -> None:
    code, reports = draw(how_many=OWN)
    assert code == 0
    page = (reports / "her2_binary.md").read_text()
    headings = headings_in(page, "##")
    place = headings.index("How many trials?")
    assert headings[place - 1 : place + 2] == ["Curves", "How many trials?", "How it was done, and its limits"]
    assert "| lenet | 8 |" in page
    assert "All bars are equally long.\n\n![A bar for each network](her2_binary/bars.png)" in page
    assert (reports / "her2_binary" / "bars.png").read_bytes().startswith(b"\x89PNG")
    assert 'alt="A bar for each network"' in (reports / "her2_binary.html").read_text()


def test_the_page_says_which_sections_are_not_this_projects(draw: Callable[..., tuple[int, Path]]) -> None:
    _, reports = draw()
    page = reports / "her2_binary.md"
    assert "Added sections" not in page.read_text()
    draw(how_many=OWN)
    said = '- *Added sections.* "How many trials?" is not of this project: whoever drew this page added it'
    assert said in page.read_text().split("## How it was done")[1]


def test_several_sections_stand_in_the_order_of_their_names(draw: Callable[..., tuple[int, Path]]) -> None:
    first = OWN.replace("How many trials?", "First").replace('"bars"', '"other-bars"')
    _, reports = draw(z_last=OWN, a_first=first)
    page = (reports / "her2_binary.md").read_text()
    assert page.index("## First") < page.index("## How many trials?")
    assert '"First" and "How many trials?" are not of this project' in page


@pytest.mark.parametrize(
    ("name", "source", "said"),
    [
        ("no_section", "TITLE = 1", "must define SECTION"),
        ("a_number", "SECTION = 7", "must be a study.report.Section, but that of the section a_number is a int"),
        ("method", OWN, "there is a shipped section called 'method'"),
        ("broken", "import nothing_of_that_name", "No module named 'nothing_of_that_name'"),
        ("search_again", OWN.replace("How many trials?", "Search"), "'Search', that of the section search_again, is"),
        ("no_title", OWN.replace("How many trials?", ""), "'', that of the section no_title, is"),
        ("same_figure", OWN.replace('"bars"', '"learning-curves"'), "has one called 'learning-curves' already"),
        ("render", OWN.replace("join([", "join([1 / 0, "), "section render raises ZeroDivisionError"),
        ("figures", OWN.replace("return {", "return {1 / 0: 1, "), "section figures raises ZeroDivisionError"),
        ("draw", OWN.replace("height_in=2", "height_in=2 / 0"), "section draw raises ZeroDivisionError"),
    ],
)
def test_a_section_that_cant_be_used_is_refused_in_one_line_before_anything_is_written(
    draw: Callable[..., tuple[int, Path]], capsys: pytest.CaptureFixture[str], name: str, source: str, said: str
) -> None:
    code, reports = draw(**{name: source})
    message = capsys.readouterr().err
    assert code == 2
    assert said in message
    assert len(message.splitlines()) == 1
    assert not reports.exists()


def test_a_section_that_isnt_there_is_refused_with_its_path(
    make_run: Callable[..., RunFolder], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(stage="declared")
    missing = tmp_path / "missing.py"
    assert main(["her2_binary", "--results", str(tmp_path / "results"), "--section", str(missing)]) == 2
    assert f"A Python file is needed for the section, but {missing} can't be read" in capsys.readouterr().err
