"""The documentation site is built without a warning, and its pages load nothing from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.test_pages import DOCS, text_of
from tests.support.paths import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DOCS.is_dir(), reason="docs is not beside the tests"),
]

LOADED = re.compile(r"<(?:script|img|link|iframe|source)\b[^>]*?\b(?:src|href)=[\"']?([^\"'\s>]+)")


def build(config: Path, site: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(config), "-d", str(site)]
    return subprocess.run(command, capture_output=True, text=True, timeout=280, cwd=ROOT, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    built = build(ROOT / "mkdocs.yml", folder)
    assert built.returncode == 0, built.stderr
    assert "excluded from the built site" not in built.stderr  # a dead link of which MkDocs does not warn
    return folder


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > len(list(DOCS.glob("*.md")))
    loaded = {link for page in pages for link in LOADED.findall(text_of(page))}
    assert loaded
    assert [link for link in loaded if re.match(r"\w+:|//", link) and not link.startswith("data:")] == []


def test_links_to_sources_lead_to_pages_of_theirs(site: Path) -> None:
    page = site / "repository" / "lightning_gans" / "variants" / "dcgan.py.html"
    assert "class" in text_of(page)
    assert 'href="lightning_gans/variants/dcgan.py.html"' in text_of(site / "repository" / "CONTRIBUTING.html")


def test_formulas_and_cross_references_are_drawn(site: Path) -> None:
    texts = {page: text_of(page) for page in site.rglob("*.html")}
    assert '<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">' in texts[site / "gan.html"]
    assert [page for page, text in texts.items() if 'class="arithmatex"' in text] == []
    reference = [text for page, text in texts.items() if page.parent.name == "reference"]
    assert reference
    assert [text for text in reference if re.search(r":(?:class|func|meth|attr|data|mod):(?:`|<code)", text)] == []
    assert (
        'href="objectives.html#lightning_gans.components.objectives.Objective"'
        in texts[site / "reference/families.html"]
    )


def test_a_dead_link_ends_the_build(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "README.md").write_text("# A page\n\n[nowhere](#nothing), [none](nothing.md)\n")
    settings = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnot_in_nav:")[0]
    settings = settings.replace("hooks: [docs/site/hooks.py]\n", "").replace("extra_css: [site/style.css]\n", "")
    (tmp_path / "mkdocs.yml").write_text(settings.replace("docs/site/", f"{ROOT}/docs/site/"))
    built = build(tmp_path / "mkdocs.yml", tmp_path / "site")
    assert built.returncode == 1
    assert "nothing.md" in built.stderr
    assert "#nothing" in built.stderr
