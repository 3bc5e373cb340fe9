"""The pieces of markdown that the pages are made of."""

from collections.abc import Sequence

Cells = Sequence[str]


def table(header: Cells, rows: Sequence[Cells], *, left: int = 1) -> str:
    """A table whose first `left` columns are flush left and the others flush right; "" without rows."""
    if not rows:
        return ""
    rule = [":---" if column < left else "---:" for column in range(len(header))]
    return "\n".join(f"| {' | '.join(_cell(c) for c in cells)} |" for cells in (header, rule, *rows))


def bullets(sentences: Sequence[str]) -> str:
    """One bullet a sentence."""
    return "\n".join(f"- {sentence}" for sentence in sentences)


def image(path: str, alt: str) -> str:
    """A figure with its alternative text, for those who can't see it."""
    return f"![{alt.replace('[', '(').replace(']', ')')}]({path})"


def code(text: str) -> str:
    """A block of shell input."""
    return f"```bash\n{text}\n```"


def join(blocks: Sequence[str]) -> str:
    """The blocks that aren't empty, an empty line between them."""
    return "\n\n".join(block for block in blocks if block)


def plain(text: str) -> str:
    """Text of a program, such as an error message, that markdown must not take for a tag."""
    return " ".join(text.split()).replace("<", "&lt;").replace("*", "\\*")


def value(content: object) -> str:
    """A hyperparameter's value as people write it."""
    if isinstance(content, bool):
        return "yes" if content else "no"
    if isinstance(content, float):
        return f"{content:.3g}"
    return str(content)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
