"""Arranges a page's markdown tokens for the screen: banners, figures, scroll boxes, headings that link to themselves.

A block is a list of tokens: one element of the page's first level, from its opening to its closing token.
"""

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import PurePosixPath

from markdown_it.token import Token

Block = list[Token]

# Of files that a page may hold; which of them Python knows depends on its version.
_KINDS = {".png": "image/png", ".csv": "text/csv"}
# What follows a figure, such as its bounds.
_BOUNDS = re.compile(r"(?<=[\d%] )\(.+\)$")
# Words that a narrow heading of a column must not break, such as ROC-AUC.
_HYPHENED = re.compile(r"\S+-\S+")
# A paragraph such as `*Verdict.* One is best.`
_INTRODUCED = re.compile(r"\*\w+\.\* ")


@dataclass(frozen=True)
class Heading:
    """A heading of the page: its level from 1, the anchor that a link names, and its text."""

    level: int
    anchor: str
    text: str


def arranged(tokens: Sequence[Token]) -> list[Token]:
    """The same page with an HTML structure that markdown can't express.

    Paragraphs that open the page in bold (and their bullets) become warnings, those with a word of introduction in
    italics larger; images become figures, tables scroll boxes with row headings; tables before the first heading of
    the second level can be sorted. A table's first cell that is empty stands for the one above: that text is put in,
    for screen readers and for sorted tables, and hidden otherwise.
    """
    blocks = list(_blocks(tokens))
    second = next((i for i, block in enumerate(blocks) if block[0].tag == "h2"), len(blocks))
    first_screen, others = blocks[:second], blocks[second:]
    pieces: list[Block] = []
    heading = ""
    for is_warning, group in groupby(zip(first_screen, _warnings(first_screen), strict=True), key=lambda pair: pair[1]):
        content = [_piece(block, "", sortable=True) for block, _ in group]
        pieces += [_wrapped(content, "warning", role="note", label="Warning")] if is_warning else content
    for block in others:
        heading = _text(block[1]) if block[0].type == "heading_open" else heading
        pieces.append(_piece(block, heading, sortable=False))
    return [token for piece in pieces for token in piece]


def contents(tokens: Sequence[Token]) -> list[Heading]:
    """All headings down to the third level, in their order."""
    return [
        Heading(int(token.tag[1]), str(token.attrs["id"]), _text(following))
        for token, following in pairwise(tokens)
        if token.type == "heading_open" and "id" in token.attrs
    ]


def embed(tokens: Sequence[Token], files: Mapping[str, bytes], places: Mapping[str, str]) -> None:
    """Puts images and linked files into the page, and leads links to those places that are in it; see `html_page`.

    Args:
        tokens: are changed.
        files: path -> content.
        places: path -> the anchor that stands for it.
    """
    for token in (child for inline in tokens for child in inline.children or []):
        if token.type == "image":
            path = str(token.attrs["src"])
            token.attrs["src"] = _data_uri(path, files[path])
        elif token.type == "link_open":
            path = str(token.attrs["href"])
            if path in files:
                token.attrs |= {"href": _data_uri(path, files[path]), "download": PurePosixPath(path).name}
            elif path in places:
                token.attrs["href"] = f"#{places[path]}"
            elif "://" not in path and path.endswith(".md"):
                token.attrs["href"] = path.removesuffix(".md") + ".html"


def _blocks(tokens: Sequence[Token]) -> Iterator[Block]:
    block: Block = []
    for token in tokens:
        block.append(token)
        if token.level == 0 and token.nesting <= 0:
            yield block
            block = []


def _warnings(blocks: Sequence[Block]) -> list[bool]:
    """Of each block, whether it is a paragraph that begins in bold or the list after one."""
    found: list[bool] = []
    for block in blocks:
        begins_in_bold = block[0].type == "paragraph_open" and block[1].content.startswith("**")
        found.append(begins_in_bold or (block[0].type == "bullet_list_open" and found[-1]))
    return found


def _piece(block: Block, heading: str, *, sortable: bool) -> Block:
    opening, closing = block[0], block[-1]
    if opening.type == "table_open":
        return _table(block, heading, sortable=sortable)
    if opening.tag in ("h2", "h3"):
        block[1].children = _enclosed("a", block[1].children or [], href=f"#{opening.attrs['id']}")
    elif opening.type == "paragraph_open" and [child.type for child in block[1].children or []] == ["image"]:
        opening.tag = closing.tag = "figure"
    elif opening.type == "paragraph_open" and _INTRODUCED.match(block[1].content):
        opening.attrs["class"] = "key"
    return block


def _table(block: Block, heading: str, *, sortable: bool) -> Block:
    if sortable:
        block[0].attrs["data-sortable"] = ""
    above: list[Token] = []
    column = 0
    for opening, content, closing in zip(block, block[1:], block[2:], strict=False):
        if opening.type == "tr_open":
            column = 0
        elif opening.type in ("th_open", "td_open"):
            # A class, since the content security policy allows no style in the text.
            is_figure = "right" in str(opening.attrs.pop("style", ""))
            if is_figure:
                opening.attrs["class"] = "number"
            if opening.type == "th_open":
                opening.attrs["scope"] = "col"
                content.children = _marked(content.children or [], _HYPHENED, "whole")
            elif is_figure:
                content.children = _marked(content.children or [], _BOUNDS, "interval")
            content.children = _breakable(content.children or [])
            if opening.type == "td_open" and column == 0:
                opening.tag = closing.tag = "th"
                opening.attrs["scope"] = "row"
                above = _named(content, above)
            column += 1
    return _wrapped([block], "scroll", role="group", label=f"Table: {heading}" if heading else "Table", tabindex="0")


def _named(cell: Token, above: list[Token]) -> list[Token]:
    """Gives an empty first cell the content of the one above, and returns what the next one would be given."""
    if cell.content:
        return cell.children or []
    cell.children = _enclosed("span", deepcopy(above), class_="again")
    return above


def _marked(children: Sequence[Token], pattern: re.Pattern[str], kind: str) -> list[Token]:
    """The same text, in which what matches stands in an element of that class."""
    found: list[Token] = []
    for child in children:
        if child.type != "text":
            found.append(child)
            continue
        end = 0
        for match in pattern.finditer(child.content):
            found.append(_like(child, child.content[end : match.start()]))
            found += _enclosed("span", [_like(child, match.group())], class_=kind)
            end = match.end()
        found.append(_like(child, child.content[end:]))
    return found


def _breakable(children: Sequence[Token]) -> list[Token]:
    """The same text, in which a narrow column may break a name after its underscores."""
    found: list[Token] = []
    for child in children:
        first, *others = child.content.split("_") if child.type == "text" else [child.content]
        found.append(_like(child, first))
        for part in others:
            found += [_like(child, "_"), Token("wbr", "wbr", 0), _like(child, part)]
    return found


def _like(token: Token, content: str) -> Token:
    copy = deepcopy(token)
    copy.content = content
    return copy


def _wrapped(blocks: Sequence[Block], kind: str, *, role: str, label: str, **others: str) -> Block:
    attributes: dict[str, str | int | float] = {"class": kind, "role": role, "aria-label": label, **others}
    opening = Token("wrap_open", "div", 1, attrs=attributes, block=True)
    closing = Token("wrap_close", "div", -1, block=True)
    return [opening, *(token for block in blocks for token in block), closing]


def _enclosed(tag: str, children: Sequence[Token], **attributes: str) -> list[Token]:
    named: dict[str, str | int | float] = {name.rstrip("_"): value for name, value in attributes.items()}
    return [Token(f"{tag}_open", tag, 1, attrs=named), *children, Token(f"{tag}_close", tag, -1)]


def _text(inline: Token) -> str:
    return "".join(child.content for child in inline.children or [])


def _data_uri(path: str, content: bytes) -> str:
    return f"data:{_KINDS[PurePosixPath(path).suffix]};base64,{base64.b64encode(content).decode()}"
