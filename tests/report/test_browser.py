"""The HTML reports in a real headless Chromium, Debian's: `uv run pytest -m browser`."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page

from study.report.index import write_index

pytestmark = pytest.mark.browser

PAGES = ("her2_binary", "her2_binary-standin", "brain", "brain_six", "index")
# A4 without the margins of the print style, at 96 px an inch.
PRINTED_WIDTH_PX = 680
PHONE_WIDTH_PX = 360

Open = Callable[..., Page]


@pytest.fixture(scope="session")
def reports(finished, standin, multiclass, six, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder of all synthetic reports, with their index."""
    folder = tmp_path_factory.mktemp("reports")
    for drawn in (finished, standin, multiclass, six):
        shutil.copytree(drawn.reports, folder, dirs_exist_ok=True)
    write_index(folder)
    return folder


@pytest.fixture
def opened(browser: Browser, reports: Path) -> Iterator[Open]:
    """Opens a report from disk; further arguments are those of a browser context."""
    contexts = []

    def open_page(name: str, *, width: int = 1280, **context) -> Page:
        contexts.append(browser.new_context(viewport={"width": width, "height": 800}, **context))
        page = contexts[-1].new_page()
        page.goto((reports / f"{name}.html").as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()


def cut_off(page: Page) -> list[str]:
    """The labels of the boxes whose table is wider than they are and can't be scrolled by keyboard."""
    return page.eval_on_selector_all(
        ".scroll",
        """boxes => boxes.filter(box => {
          const scrolls = getComputedStyle(box).overflowX === "auto" && box.tabIndex === 0;
          const { right } = box.getBoundingClientRect();
          return right > innerWidth || (box.scrollWidth > box.clientWidth && !scrolls);
        }).map(box => box.ariaLabel)""",
    )


def column(page: Page, heading: str) -> tuple[Locator, Callable[[], list[str]]]:
    """The button of a column of the result grid, and what reads its cells from top to bottom."""
    grid = page.locator("table[data-sortable]").first
    headings = [text.strip() for text in grid.locator("thead th").all_text_contents()]
    cells = grid.locator(f"tbody tr > :nth-child({headings.index(heading) + 1})")
    return grid.get_by_role("button", name=heading, exact=True), cells.all_text_contents


def value(cell: str) -> float:
    """Of a cell such as `72.4 % (69-76)`."""
    return float(cell.split()[0])


@pytest.mark.parametrize("name", PAGES)
def test_a_report_opens_from_disk_without_a_complaint_and_without_a_request(browser, reports, name):
    page = browser.new_page()
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto((reports / f"{name}.html").as_uri(), wait_until="networkidle")
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [(reports / f"{name}.html").as_uri()]
    broken = "images => images.filter(each => each.naturalWidth === 0).map(each => each.alt)"
    assert page.eval_on_selector_all("img", broken) == []
    page.close()


@pytest.mark.parametrize("name", ["her2_binary", "her2_binary-standin", "brain_six"])
@pytest.mark.parametrize("heading", ["Accuracy", "ROC-AUC"])
def test_figures_are_sorted_by_their_value_and_what_is_missing_comes_last(opened, name, heading):
    button, cells = column(opened(name), heading)
    before = cells()
    for direction in (-1, 1):
        button.click()
        sorted_cells = cells()
        figures = [value(cell) for cell in sorted_cells if cell != "—"]
        assert figures == sorted(figures, key=lambda each: direction * each)
        assert all(cell == "—" for cell in sorted_cells[len(figures) :])
        assert sorted(sorted_cells) == sorted(before)
        assert sorted_cells != before


def test_the_third_press_restores_the_order_and_each_press_is_announced(opened):
    page = opened("brain_six")
    button, cells = column(page, "ROC-AUC")
    heading, said = button.locator(".."), page.get_by_role("status").first
    before = cells()
    announced = []
    for _ in range(3):
        button.click()
        announced.append((heading.get_attribute("aria-sort"), said.text_content()))
    assert announced == [
        ("descending", "Sorted by ROC-AUC, descending"),
        ("ascending", "Sorted by ROC-AUC, ascending"),
        (None, "Original order"),
    ]
    assert cells() == before


def test_a_row_keeps_its_architecture_when_the_table_is_sorted(opened):
    page = opened("her2_binary")
    button, _ = column(page, "ROC-AUC")
    _, architectures = column(page, "Architecture")
    _, areas = column(page, "ROC-AUC")
    rows = set(zip(architectures(), areas(), strict=True))
    repeated = page.locator("table[data-sortable] .again")
    sizes = "all => all.map(each => each.getBoundingClientRect().width)"
    assert max(repeated.evaluate_all(sizes)) <= 1
    button.click()
    assert set(zip(architectures(), areas(), strict=True)) == rows
    assert all(architectures())
    assert min(repeated.evaluate_all(sizes)) > 10


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_a_table_is_sorted_by_keyboard(opened, key):
    page = opened("index")
    button, cells = column(page, "Study")
    before = cells()
    for _ in range(20):
        page.keyboard.press("Tab")
        if button.evaluate("button => button === document.activeElement"):
            break
    page.keyboard.press(key)
    assert cells() == sorted(before)
    page.keyboard.press(key)
    assert cells() == sorted(before, reverse=True)


def test_the_switch_turns_the_colours_round_by_keyboard_and_remembers_nothing(opened):
    background = "getComputedStyle(document.body).backgroundColor"
    for system in ("light", "dark"):
        page = opened("brain", color_scheme=system)
        first = page.evaluate(background)
        switch = page.get_by_role("button", name="Dark mode")
        assert switch.get_attribute("aria-pressed") == str(system == "dark").lower()
        switch.focus()
        page.keyboard.press("Enter")
        assert switch.get_attribute("aria-pressed") == str(system == "light").lower()
        second = page.evaluate(background)
        page.reload()
        assert page.evaluate(background) == first != second


@pytest.mark.parametrize("name", PAGES)
def test_no_table_is_cut_off_on_a_screen_in_light_or_dark(opened, name):
    page = opened(name)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width in (PHONE_WIDTH_PX, 800, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            # Two frames: in the second one, the boxes know their new size.
            page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
            assert cut_off(page) == []


@pytest.mark.parametrize("name", PAGES)
def test_on_paper_every_table_is_whole_and_in_dark_ink_and_nothing_is_left_to_press(opened, name):
    page = opened(name, width=PRINTED_WIDTH_PX, color_scheme="dark")
    page.emulate_media(media="print")
    wider = "boxes => boxes.filter(box => box.scrollWidth > box.clientWidth).map(box => box.ariaLabel)"
    assert page.eval_on_selector_all(".scroll, figure", wider) == []
    scrolls = "boxes => boxes.filter(box => getComputedStyle(box).overflowX !== 'visible').map(box => box.ariaLabel)"
    assert page.eval_on_selector_all(".scroll", scrolls) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PRINTED_WIDTH_PX
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("nav").is_hidden()
    assert page.get_by_role("button", name="Dark mode").is_hidden()
    assert page.pdf(format="A4").startswith(b"%PDF")


@pytest.mark.parametrize("name", PAGES)
def test_a_phone_shows_the_page_without_sideways_scrolling_even_without_the_script(opened, name):
    for scripted in (True, False):
        page = opened(name, width=PHONE_WIDTH_PX, java_script_enabled=scripted)
        box = page.locator("html").bounding_box()
        assert box is not None
        assert box["width"] == PHONE_WIDTH_PX
        # The width of all that a finger could scroll to.
        metrics = page.context.new_cdp_session(page).send("Page.getLayoutMetrics")
        assert metrics["cssContentSize"]["width"] == PHONE_WIDTH_PX


def test_a_wide_table_is_scrolled_by_the_arrow_keys_while_its_first_column_stays(opened):
    page = opened("brain_six", width=PHONE_WIDTH_PX)
    box = page.locator(".scroll").first
    first = box.locator("tbody th").first
    before = first.bounding_box()["x"]
    box.focus()
    for _ in range(50):
        page.keyboard.press("ArrowRight")
        if box.evaluate("box => box.scrollLeft") > 100:
            break
    assert box.evaluate("box => box.scrollLeft") > 100
    assert first.bounding_box()["x"] == before


def test_only_boxes_that_scroll_are_stops_of_the_tab_key(opened):
    page = opened("brain_six")
    stops = page.eval_on_selector_all(".scroll", "all => all.map(each => each.tabIndex === 0)")
    wide = page.eval_on_selector_all(".scroll", "all => all.map(each => each.scrollWidth > each.clientWidth)")
    assert stops == wide
    assert not all(wide)


def test_without_the_script_the_page_is_all_there_and_shows_no_dead_button(opened):
    page = opened("her2_binary", java_script_enabled=False)
    assert page.get_by_role("button").count() == 0
    assert page.locator("table[data-sortable] tbody tr").count() > 10
    page.get_by_text("Contents", exact=True).click()
    page.get_by_role("navigation").get_by_role("link", name="Class by class").click()
    assert page.get_by_role("heading", name="Class by class").bounding_box()["y"] < 100


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(opened, name, scheme):
    page = opened(name, color_scheme=scheme)
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


def test_the_index_leads_to_every_report_and_each_report_back(opened, reports):
    page = opened("index")
    links = page.get_by_role("link").all()
    targets = {str(link.get_attribute("href")) for link in links}
    found = {target for target in targets if re.fullmatch(r"[\w-]+\.html", target)}
    assert found == {f"{name}.html" for name in PAGES} - {"index.html"}
    page.locator("a[href='brain_six.html']").first.click()
    assert page.title() == "Brain tumour type from MRI slices (brain_six)"
    page.get_by_role("link", name="All reports").click()
    assert page.title() == "Reports"
