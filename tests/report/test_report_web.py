"""The HTML form of the pages, as text; `test_browser.py` opens it."""

import base64
import re
from html.parser import HTMLParser

import pytest

from study.report import draw_report
from study.report.web import html_page
from study.wording import DASH

TABLE = "| A | B |\n|:--|--:|\n| *one* | 1 |"
_VOID = {"meta", "link", "img", "br", "wbr"}


class Reader(HTMLParser):
    """What the page says inside of `<main>`, its elements' attributes, and whether they are closed in their order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.found, self.words = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in _VOID:
            self.open.append((tag, dict(attributes)))
        if tag == "img":
            self.words.append(dict(attributes)["alt"])

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        hidden = any(attributes.get("class") == "again" for _, attributes in self.open)
        if any(tag == "main" for tag, _ in self.open) and not hidden:
            self.words.append(data)

    def all(self, tag, attribute):
        return [attributes[attribute] for name, attributes in self.found if name == tag and attribute in attributes]


def html_of(drawn):
    return (drawn.reports / f"{drawn.folder.root.name}.html").read_text(encoding="utf-8")


def whole(drawn):
    """The page with the model cards that it links to."""
    cards = re.findall(r"\]\(([^)]*/model-card-[^)]*\.md)\)", drawn.page)
    return "\n\n".join([drawn.page, *((drawn.reports / card).read_text(encoding="utf-8") for card in cards)])


def body_of(markdown, **others):
    page = html_page(f"# Title\n\n{markdown}", **others)
    return page.split("Title</h1>\n")[1].split("</main>")[0].strip()


@pytest.mark.parametrize("name", ["finished", "standin", "multiclass", "six"])
def test_both_forms_give_the_same_numbers_in_the_same_order(request, name):
    drawn = request.getfixturevalue(name)
    reader = Reader(html_of(drawn))
    assert reader.open == []
    numeral = r"\d+(?:[.,]\d+)*"
    without_paths = re.sub(r"\]\([^)]*\.(png|md)\)", "", whole(drawn))
    assert re.findall(numeral, " ".join(reader.words)) == re.findall(numeral, without_paths)


def test_the_file_holds_its_figures_and_names_nothing_outside_of_itself(finished):
    reader = Reader(html_of(finished))
    folder = finished.reports / "her2_binary"
    names = re.findall(r"!\[.+?\]\(her2_binary/(.+?)\)", finished.page)
    images = [base64.b64decode(source.removeprefix("data:image/png;base64,")) for source in reader.all("img", "src")]
    assert images == [(folder / name).read_bytes() for name in names]
    assert reader.all("link", "href") == ["data:,"]
    assert not {"script", "style"} & {tag for tag, attributes in reader.found if attributes}
    assert not re.search(r"@import|url\(", html_of(finished))


def test_every_heading_has_an_anchor_and_the_contents_name_them_all(six):
    reader = Reader(html_of(six))
    anchors = [*reader.all("h2", "id"), *reader.all("h3", "id")]
    assert len(set(anchors)) == len(anchors)
    cards = len(list((six.reports / "brain_six").glob("model-card-*.md")))
    assert len(anchors) == len(re.findall(r"^###? ", six.page, re.MULTILINE)) + len(["Model cards"]) + cards
    links = [target.removeprefix("#") for target in reader.all("a", "href") if target.startswith("#")]
    assert set(links) == {"content", *anchors}
    # In the contents and in the heading itself.
    assert all(links.count(anchor) >= 2 for anchor in anchors)


def test_the_bold_first_lines_are_warnings_and_so_is_what_is_missing(standin, finished):
    banner = r'<div class="warning" role="note" aria-label="Warning">(.*?)</div>'
    first, second = re.findall(banner, html_of(standin), re.DOTALL)
    assert "DRAWN by this program" in first
    assert "What is missing" in second
    assert second.count("<li>") == 3
    assert 'class="warning"' not in html_of(finished)


def test_a_bold_sentence_elsewhere_is_no_warning():
    assert "warning" not in body_of("First.\n\n## Data\n\n**Bold.** More.")


def test_question_and_verdict_stand_out(finished):
    page = html_of(finished)
    assert re.findall(r'<p class="key"><em>(.*?)</em>', page) == ["Question.", "Verdict."]


def test_an_empty_first_cell_names_what_it_stands_for():
    body = body_of(f"{TABLE}\n|  | 2 |\n| two | 3 |")
    cells = re.findall(r'<th scope="row">(.*?)</th>', body)
    assert cells == ["<em>one</em>", '<span class="again"><em>one</em></span>', "two"]


def test_only_tables_of_the_first_screen_can_be_sorted():
    assert body_of(f"{TABLE}\n\n## Data\n\n{TABLE}\n\n{TABLE}").count("data-sortable") == 1


def test_tables_are_labelled_by_the_heading_above_them():
    body = body_of(f"{TABLE}\n\n## Data & more\n\n{TABLE}")
    labels = re.findall(r'role="group" aria-label="(.*?)" tabindex="0"', body)
    assert labels == ["Table", "Table: Data &amp; more"]


def test_bounds_are_told_from_the_value_that_they_belong_to():
    body = body_of(f"| A | B |\n|:--|--:|\n| one (1) | **0.812 (0.77{DASH}0.85)** |")
    assert f'<strong>0.812 <span class="interval">(0.77{DASH}0.85)</span></strong>' in body
    assert "one (1)</th>" in body


def test_what_looks_like_a_tag_in_the_records_stays_text(make_run, tmp_path):
    counts = {split: {"<b>": 9, "<script>alert(1)</script>": 12} for split in ("train", "val", "test")}
    dataset = {"classes": list(counts["train"]), "title": "<img src=x onerror=alert(1)>"}
    title = "Which of <i>two</i>?"
    folder = make_run(stage="declared", manifest={"counts": counts, "dataset": dataset, "title": title})
    draw_report(folder, tmp_path / "reports")
    for name in ("her2_binary", "index"):
        page = (tmp_path / "reports" / f"{name}.html").read_text(encoding="utf-8")
        tags = [tag for tag, _ in Reader(page).found]
        assert tags.count("script") == 1
        assert not {"b", "i"} & set(tags)
        assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_the_tags_that_our_markdown_needs_are_kept_and_addresses_are_links():
    assert body_of("<sup>1</sup> one.<br><sup>2</sup> two <u>x</u>.") == (
        "<p><sup>1</sup> one.<br><sup>2</sup> two &lt;u&gt;x&lt;/u&gt;.</p>"
    )
    assert body_of("See https://example.org/a_b, events.jsonl") == (
        '<p>See <a href="https://example.org/a_b">https://example.org/a_b</a>, events.jsonl</p>'
    )


def test_linked_files_are_inside_and_links_to_other_pages_go_to_their_html_form():
    body = body_of("[left-out.csv](run/left-out.csv) and [other](other.md)", files={"run/left-out.csv": b"a,b\n"})
    assert '<a href="data:text/csv;base64,YSxiCg==" download="left-out.csv">' in body
    assert '<a href="other.html">other</a>' in body


def test_attached_pages_stand_at_the_end_and_links_lead_there_and_back():
    card = "# Card: a_b\n\nOf [the study](../run.md).\n\n## Use\n\nNone."
    body = body_of("See [it](run/a.md).\n\n## Use\n\n## Cards", run="run", attached={"run/a.md": card})
    assert '<p>See <a href="#card-a_b">it</a>.</p>' in body
    assert '<h3 id="card-a_b">' in body
    assert body.endswith('<p>Of <a href="#content">the study</a>.</p>\n<h4>Use</h4>\n<p>None.</p>')


def test_a_report_holds_the_card_of_each_winner(finished):
    page = html_of(finished)
    for pair in ("lenet", "alexnet", "hahnet"):
        assert f'href="#model-card-{pair}"' in page
        assert f'<h3 id="model-card-{pair}">' in page
    assert '.md"' not in page


def test_a_figure_that_is_not_there_is_an_error():
    with pytest.raises(KeyError, match=r"none\.png"):
        html_page("# Title\n\n![A figure](run/none.png)")
