"""Puts a page's markdown, style, script and figures into one HTML file."""

import base64
import hashlib
import re
from collections.abc import Mapping
from html import escape
from importlib import resources
from string import Template

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from mdit_py_plugins.anchors import anchors_plugin

from study.report.web.blocks import arranged, contents, embed

# What our markdown says in HTML, because markdown can't. All else that looks like a tag is text of the records.
_TAGS = ("<sup>", "</sup>", "<br>")
# Before every heading.
_LEVEL = re.compile(r"^(?=#+ )", flags=re.MULTILINE)


def html_page(
    markdown: str,
    *,
    run: str = "",
    files: Mapping[str, bytes] | None = None,
    attached: Mapping[str, str] | None = None,
) -> str:
    """The HTML form of a page, the same bytes each time from the same arguments.

    The file asks for nothing else: style, script, figures and linked files are inside, and its content security
    policy forbids the browser every request and every other script. Without the script all of it can be read.

    Args:
        markdown: GitHub's dialect; it begins with the only heading of the first level.
        run: of which it is the report, shown above it beside a link to `index.html`; "" for the index itself.
        files: path, as the markdown gives it -> content, for every image of the markdown and for what it links to;
            links to paths that aren't here are left as they are, but for those to `X.md`, which go to `X.html`.
        attached: path, as the markdown gives it -> markdown of a page that it links to. They stand at the end, two
            heading levels lower, and links go there.

    Returns:
        The file's text.

    Raises:
        KeyError: an image of the markdown is not in `files`.
    """
    parser, pages = _parser(), attached or {}
    tokens = arranged(parser.parse("\n\n".join([markdown, *(_LEVEL.sub("##", page) for page in pages.values())])))
    headings = contents(tokens)
    anchors = {each.text: each.anchor for each in headings}
    places = {path: anchors[page.splitlines()[0].removeprefix("# ")] for path, page in pages.items()}
    embed(tokens, files or {}, {**places, f"../{run}.md": "content"})
    style, script = _part("page.css"), _part("page.js")
    return Template(_part("page.html")).substitute(
        title=escape(f"{headings[0].text} ({run})" if run else headings[0].text),
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
        where=f'<a href="index.html">All reports</a> <span>{escape(run)}</span>' if run else "",
        contents="\n".join(
            f'<li class="level-{each.level}"><a href="#{escape(each.anchor)}">{escape(each.text)}</a></li>'
            for each in headings[1:]
        ),
        body=parser.renderer.render(tokens, parser.options, {}),
    )


def _parser() -> MarkdownIt:
    parser = MarkdownIt("gfm-like", {"xhtmlOut": False}).disable("html_block").use(anchors_plugin, max_level=3)
    # It comes with the extra `linkify`. Only what names its protocol is a link: `events.jsonl` is none.
    assert parser.linkify is not None
    parser.linkify.set({"fuzzy_link": False, "fuzzy_email": False})
    parser.add_render_rule("html_inline", _known_tag)
    return parser


def _known_tag(
    renderer: RendererHTML, tokens: list[Token], index: int, options: OptionsDict, environment: EnvType
) -> str:
    del renderer, options, environment
    text = tokens[index].content
    return text if text in _TAGS else escape(text)


def _part(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """As a content security policy names an inline style or script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
