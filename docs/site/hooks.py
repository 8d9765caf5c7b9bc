"""What the documentation site does beyond MkDocs: files of the repository as pages, and formulas without a script.

The pages link to sources, configs and scripts beside `docs`, as GitHub shows them. The site has a page for each file
that a page links to, so that the same link works in both, and the site needs no address of a repository.
"""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
DOCS = "docs"
REPOSITORY = "repository"
"""The site's folder of files that are not among the pages in `docs`."""

FENCE = re.compile(r"^( *)(`{3,}).*?^\1\2 *$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<=\]\()([^)\s#:]+)(?=[#)])")
FORMULA = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)
CODE = re.compile(r"(?<=<code>)[^<]+(?=</code>)")
OPTION = re.compile(r"(?<!\S)--\w")
"""The start of an option, which browsers would break after its hyphens."""
NAMED = re.compile(r"<m[io]>(log|exp|max|min|arg|sign)</m[io]>")
"""Functions by name, which browsers draw without a space on either side."""
SIGN = re.compile(r"(<mo[^>]*>(?:\(|&#x00028;|&#x0005B;|&#x0003D;|&#x0002C;|&#x02190;)</mo>)<mo>(&#x02212;)</mo>")
"""A sign after a bracket or a relation, which browsers draw as a difference."""
LANGUAGES = {".py": "python", ".sh": "sh", ".yaml": "yaml", ".json": "json", ".toml": "toml"}


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add a page for each file outside the pages that a page links to, and for those that these link to."""
    waiting = [f"{DOCS}/{file.src_uri}" for file in files.documentation_pages()]
    waiting += ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
    while waiting:
        path = waiting.pop()
        if is_file_page(path, files):
            files.append(File.generated(config, page_uri(path, files), content=page_of(path)))
        if path.endswith(".md"):
            links = LINK.findall(FENCE.sub("", (ROOT / path).read_text(encoding="utf-8")))
            waiting += [found for link in links if is_file_page(found := resolved(path, link), files)]
    return files


def on_page_markdown(markdown: str, *, page: Page, files: Files, **_: Any) -> str:
    """Let links lead to the pages of the files that they name."""
    source = source_of(page.file)

    def site_link(match: re.Match[str]) -> str:
        target = page_uri(resolved(source, match[1]), files)
        return os.path.relpath(target, PurePosixPath(page.file.src_uri).parent)

    return "".join(text if fenced else LINK.sub(site_link, text) for fenced, text in pieces(markdown))


def on_page_content(content: str, **_: Any) -> str:
    """Replace formulas in LaTeX with MathML, which browsers draw themselves, and keep options on one line."""

    def formula(match: re.Match[str]) -> str:
        drawn = convert(html.unescape(match[3]), display="inline" if match[2] == "(" else "block")
        drawn = NAMED.sub(r'<mo lspace="0.17em" rspace="0.17em">\1</mo>', drawn)
        drawn = SIGN.sub(r'\1<mo form="prefix">\2</mo>', drawn)
        return drawn if match[2] == "(" else f'<div class="formula">{drawn}</div>'

    def unbroken(match: re.Match[str]) -> str:
        return OPTION.sub(r'<span class="option">\g<0></span>', match[0])

    return CODE.sub(unbroken, FORMULA.sub(formula, content))


def pieces(markdown: str) -> Iterator[tuple[bool, str]]:
    """The text in its order, and whether each piece is a code block."""
    end = 0
    for block in FENCE.finditer(markdown):
        yield False, markdown[end : block.start()]
        yield True, block[0]
        end = block.end()
    yield False, markdown[end:]


def resolved(source: str, link: str) -> str:
    """The path in the repository to which a link in the file `source` leads."""
    return os.path.normpath(PurePosixPath(source).parent / link)


def source_of(file: File) -> str:
    """The path in the repository of a page."""
    inside = file.src_uri.removeprefix(f"{REPOSITORY}/")
    if inside == file.src_uri:
        return f"{DOCS}/{inside}"
    return inside if (ROOT / inside).is_file() else inside.removesuffix(".md")


def is_file_page(path: str, files: Files) -> bool:
    """Whether a path of the repository is to get a page of its own: it exists and has none."""
    return (ROOT / path).exists() and files.get_file_from_path(page_uri(path, files)) is None


def page_uri(path: str, files: Files) -> str:
    """The site's name of a file of the repository."""
    inside = path.removeprefix(f"{DOCS}/")
    file = files.get_file_from_path(inside) if inside != path else None
    if file is not None and not file.inclusion.is_excluded():
        return inside
    return f"{REPOSITORY}/{path}" if path.endswith(".md") else f"{REPOSITORY}/{path}.md"


def page_of(path: str) -> str:
    """A file as Markdown: its text, a notebook's cells, or the names in a folder."""
    file = ROOT / path
    if file.is_dir():
        names = sorted(each.relative_to(file).as_posix() for each in file.rglob("*") if each.is_file())
        return "\n".join([hidden(path), *(f"- `{name}`" for name in names)])
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".md":
        return text
    if file.suffix == ".ipynb":
        return "\n\n".join([hidden(path, titled=False), *map(cell, json.loads(text)["cells"])])
    return f"{hidden(path)}\n{fenced(text, LANGUAGES.get(file.suffix, 'text'))}"


def cell(content: dict[str, Any]) -> str:
    """A cell of a notebook."""
    text = "".join(content["source"])
    return text if content["cell_type"] == "markdown" else fenced(text, "python")


def fenced(text: str, language: str) -> str:
    """A code block; four marks, as a notebook or a script may hold three."""
    return f"````{language}\n{text.rstrip()}\n````"


def hidden(path: str, titled: bool = True) -> str:
    """The head of a page that the search leaves out; a notebook has a title of its own."""
    return f"---\ntitle: {path}\nsearch:\n  exclude: true\n---\n" + (f"# {path}\n" if titled else "")
