"""Build the web edition: one page for each notebook of nbs/ and nbs/solutions, with menu, next and previous, nothing from other hosts.

Usage: python .ci/site.py [--out _site] [--check | --quarto]. Without a flag: build. --check looks over what was built and fails with a list:
broken links and anchors, missing pictures, tracebacks, formulas left as TeX, pages over 1.5 MB with their pictures. --quarto renders with
Quarto instead (it must be on the PATH; optional). The pages need no network: formulas become MathML, pictures become files, one style file.
`#| hide` hides a cell, `#| echo: false` its source, `#| output: false` its outputs; links to other files of the repository go to GitHub.
"""
import argparse
import base64
import hashlib
import html
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from string import Template
from urllib.parse import quote, unquote, urlsplit

import nbformat
from bs4 import BeautifulSoup
from nbconvert import HTMLExporter
from nbconvert.filters import Highlight2HTML
from nbconvert.filters.markdown_mistune import MarkdownWithMath
from PIL import Image
from pygments.formatters import HtmlFormatter

from colab import settings
from site_check import faults
from site_math import Renderer

ROOT = Path(__file__).resolve().parent.parent
NBS, PARTS = ROOT / "nbs", ROOT / ".ci" / "site"
KINDS = {"image/png": "png", "image/jpeg": "jpg", "image/svg+xml": "svg", "image/gif": "gif", "image/webp": "webp"}
SLIDERS = "In Jupyter and Colab sliders stand here. They need a running kernel; this page shows the still pictures."


class Exporter(HTMLExporter):
    """nbconvert's exporter with our cell template and formulas. Coloured code waits in `code`: a page is parsed much faster without it."""

    def __init__(self):
        super().__init__(template_name="site", extra_template_basedirs=[str(PARTS.parent)], default_preprocessors=[])
        self.code, self.colour = [], Highlight2HTML(pygments_lexer="ipython3")
        self.filters = {"highlight_code": self.highlighted}

    def default_filters(self):
        """nbconvert's, but our markdown."""
        yield from super().default_filters()
        yield "markdown2html", lambda text: MarkdownWithMath(renderer=Renderer(escape=False)).render(text)

    def highlighted(self, source, language=None, metadata=None):
        """A mark; the coloured code is put there by `filled`."""
        self.code.append(self.colour(source, language, metadata).strip())
        return f"<!--code {len(self.code) - 1}-->"

    def filled(self, text):
        """A finished page with its code."""
        return re.sub(r"<!--code (\d+)-->", lambda found: self.code[int(found.group(1))], text)


class Page:
    """One notebook on its way to be a page: `path` under nbs/, `target` in the site, `title`, `summary`, `soup`."""

    def __init__(self, path, exporter):
        self.source, self.path = path, path.relative_to(NBS)
        self.target = self.path.with_suffix(".html")
        self.root = "../" * (len(self.path.parts) - 1)
        notebook = nbformat.from_dict(json.loads(path.read_text(encoding="utf-8")))
        self.colab = prepare(notebook)
        self.soup = BeautifulSoup(exporter.from_notebook_node(notebook)[0], "html.parser")
        head, quoted = self.soup.find("h1"), self.soup.find("blockquote")
        words = head.get_text().rstrip("¶").strip() if head else self.path.stem
        self.title, self.summary = words, " ".join(quoted.get_text().split()) if quoted else ""
        seen = Counter()
        for tag in self.soup.find_all(id=True):                            # a second heading of the same words is #words-1
            seen[tag["id"]] += 1
            if seen[tag["id"]] > 1:
                tag["id"] = f"{tag['id']}-{seen[tag['id']] - 1}"
                for link in tag.select("a.anchor-link"):
                    link["href"] = f"#{tag['id']}"
        self.ids = {tag["id"] for tag in self.soup.find_all(id=True)}
        self.sections = [(tag["id"], tag.get_text().rstrip("¶")) for tag in self.soup.find_all("h2", id=True)]
        self.number = re.match(r"\d+\w?(?=_)|", self.path.stem).group()

    @property
    def group(self):
        """Heading of the menu under which it stands."""
        if len(self.path.parts) > 1:
            return "Solutions" if self.path.parts[0] == "solutions" else self.path.parts[0].capitalize()
        return "" if self.path.stem == "index" else "The book" if int(re.match(r"\d*", self.number).group() or 99) <= 18 else "Tools and appendices"


def prepare(notebook):
    """Apply the `#|` words to a notebook's cells, in place; returns the address of its Colab badge or ""."""
    for cell in notebook.cells:
        cell.source = "".join(cell.source)
    for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
        for part in (output, output.get("data", {})):
            part.update({key: "".join(value) for key, value in part.items() if isinstance(value, list) and key != "traceback"})
        if "application/vnd.jupyter.widget-view+json" in output.get("data", {}):
            output.data = nbformat.from_dict({"text/html": f'<p class="note">{SLIDERS}</p>'})
    kept, colab, section = [], "", "this page"
    module = re.search(r"^#\|\s*default_exp\s+(\S+)", "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code"), re.M)
    for cell in notebook.cells:
        if cell.get("id") == "colab-badge":
            colab = cell.source.rsplit("(", 1)[-1].rstrip(")")
        elif cell.cell_type == "markdown":
            section = (re.findall(r"^#+ +(.+)$", cell.source, re.M) or [section])[-1]
            kept.append(cell)
        elif cell.cell_type == "code":
            words = [word.strip() for word in re.findall(r"^#\|(.*)$", cell.source, re.M)]
            cell.source = re.sub(r"^#\|.*\n?", "", cell.source, flags=re.M).strip("\n")
            cell.source = re.sub(r"\A(%(matplotlib|config|load_ext|autoreload).*\n*)+", "", cell.source)
            if {"hide", "include: false"} & set(words) or words and words[0].startswith("default_exp"):
                continue
            if {"output: false", "hide_output"} & set(words):
                cell.outputs = []
            alt = next((word[4:].strip() for word in words if word.startswith("alt:")), f"Picture of the section: {section}")
            exported = module and any(re.fullmatch(r"exporti?s?", word) for word in words)
            name = f"{settings()['lib_name']}.{module.group(1)}".replace(".__init__", "") if exported else ""
            cell.metadata = nbformat.from_dict({"alt": html.escape(re.sub("[`$]", "", alt)), "module": name, "silent": "echo: false" in words})
            if cell.source or cell.outputs:
                kept.append(cell)
    notebook.cells, notebook.metadata = kept, nbformat.from_dict({})
    return colab


def pictures(page, out):
    """Move a page's pictures into files and give each its size, so that the text does not jump."""
    for image in page.soup.find_all("img"):
        found = re.match(r"data:([^;,]+);base64,(.*)", image.get("src", ""), re.S)
        local = page.source.parent / unquote(urlsplit(image.get("src", "")).path)
        if found:
            kind, content = KINDS[found.group(1)], base64.b64decode(found.group(2))
        elif not urlsplit(image.get("src", "")).scheme and local.is_file():
            kind, content = local.suffix[1:], local.read_bytes()
        else:
            continue                                                       # the check names it
        name = f"{page.path.stem}-{hashlib.sha256(content).hexdigest()[:10]}.{kind}"
        (out / "images").mkdir(exist_ok=True)
        (out / "images" / name).write_bytes(content)
        image["src"], image["loading"] = f"{page.root}images/{name}", "lazy"
        if kind != "svg":
            image["width"], image["height"] = map(str, Image.open(io.BytesIO(content)).size)


def linked(href, page, pages, config):
    """Where a link of a notebook leads in the site; unchanged when it leads nowhere (the check names it)."""
    parts = urlsplit(href)
    if parts.scheme or parts.netloc:
        return href
    there = (page.source.parent / unquote(parts.path)).resolve() if parts.path else page.source
    other, anchor = pages.get(there), unquote(parts.fragment)
    if other:
        plain = {re.sub(r"\W+", "-", name).strip("-").lower(): name for name in other.ids}
        anchor = anchor if anchor in other.ids else plain.get(re.sub(r"\W+", "-", anchor).strip("-").lower(), anchor)
        address = "" if other is page else quote(os.path.relpath(other.target, page.target.parent))
        return address + (f"#{quote(anchor)}" if anchor else "") or "#"
    if there.is_relative_to(ROOT) and there.exists():
        kind = "tree" if there.is_dir() else "blob"
        return f"{config['git_url']}/{kind}/{config['branch']}/{quote(there.relative_to(ROOT).as_posix())}"
    return href


def rewrite(page, pages, config):
    """Links, names of notebooks, tables of one page."""
    stems = {other.path.stem: other for other in pages.values() if len(other.path.parts) == 1}
    for code in page.soup.select(".text code"):
        other = stems.get(code.get_text())
        if other and other is not page and not code.find_parent(["a", "pre"]):
            code.wrap(page.soup.new_tag("a", href=other.path.name if not page.root else f"../{other.path.name}"))
    for link in page.soup.find_all("a", href=True):
        link["href"] = linked(link["href"], page, pages, config)
    for table in page.soup.find_all("table"):
        table.wrap(page.soup.new_tag("div", attrs={"class": "scroll"}))
    for image in page.soup.select(".output > img"):
        image.wrap(page.soup.new_tag("a", href=image["src"], attrs={"class": "picture"}))      # a phone wants it larger


def menu(page, order):
    """The chapters as HTML, seen from a page, which shows its own sections."""
    lines, group = [], None
    for other in order:
        if other.group != group:
            lines += ["</ol>"] * (group is not None) + [f"<h2>{other.group}</h2>"] * bool(other.group) + ["<ol>"]
            group = other.group
        here = ' aria-current="page"' if other is page else ""
        number = f'<span class="number">{other.number}</span>' if other.number else ""
        title = "Start" if other.path.stem == "index" else re.sub("^Solutions: *", "", other.title)
        inner = "".join(f'<li><a href="#{quote(name)}">{html.escape(words)}</a></li>' for name, words in page.sections) if other is page else ""
        address = os.path.relpath(other.target, page.target.parent)
        lines.append(f'<li><a href="{quote(address)}"{here}>{number}<span>{html.escape(title)}</span></a>{f"<ol>{inner}</ol>" if inner else ""}</li>')
    return "\n".join([*lines, "</ol>"])


def turn(page, order):
    """Links to the page before and the one after."""
    at = order.index(page)
    sides = [("previous", "Previous", order[at - 1] if at else None), ("next", "Next", order[at + 1] if at + 1 < len(order) else None)]
    return "".join(f'<a class="{side}" rel="{side[:4]}" href="{quote(os.path.relpath(other.target, page.target.parent))}"><small>{word}</small>'
                   f"{html.escape(other.title)}</a>" for side, word, other in sides if other)


def write(page, order, out, config, exporter):
    """Put one page into its frame and on disk."""
    source = f"{config['git_url']}/blob/{config['branch']}/{page.source.relative_to(ROOT).as_posix()}"
    colab = f'<a href="{html.escape(page.colab)}">Open in Colab</a>' if page.colab else ""
    name, home = config["title"], page.path.stem == "index"
    text = Template((PARTS / "page.html").read_text(encoding="utf-8")).substitute(
        title=html.escape(f"{name}: {config['description']}" if home else f"{page.title} · {name}"), summary=html.escape(page.summary),
        root=page.root, name=html.escape(name), motto=html.escape(config["description"]), git_url=config["git_url"], menu=menu(page, order),
        where=f'<p class="where">{colab}<a href="{source}">Notebook</a></p>', body=page.soup, turn=turn(page, order), page_source=source,
        page_path=page.source.relative_to(ROOT).as_posix(), licence=f"Code and text: {config['license'].upper()} licence, "
        f"{html.escape(config['copyright'])}. Maps and what is rendered from them: © OpenStreetMap contributors, ODbL 1.0.")
    (out / page.target).parent.mkdir(parents=True, exist_ok=True)
    (out / page.target).write_text(exporter.filled(text), encoding="utf-8")


def build(out):
    """Write the whole site into an empty folder; returns the number of pages."""
    config = settings()
    exporter = Exporter()
    files = [*sorted(NBS.glob("*.ipynb")), *sorted((NBS / "solutions").glob("*.ipynb"))]
    order = [Page(file, exporter) for file in sorted(files, key=lambda file: file.name != "index.ipynb")]
    order.sort(key=lambda page: ["", "The book", "Tools and appendices"].index(page.group) if len(page.path.parts) == 1 else 3)
    pages = {page.source: page for page in order}
    for page in order:
        pictures(page, out)
        rewrite(page, pages, config)
        write(page, order, out, config, exporter)
    colours = HtmlFormatter(style="xcode", nobackground=True).get_style_defs(".highlight")
    (out / "style.css").write_text((PARTS / "style.css").read_text(encoding="utf-8") + colours + "\n", encoding="utf-8")
    (out / ".nojekyll").touch()
    return len(order)


def quarto(out):
    """Render prepared copies of the notebooks with Quarto. (nbdev_docs cannot: it runs imports of modules that a page has yet to write.)"""
    if not shutil.which("quarto"):
        raise SystemExit("no quarto on the PATH: https://quarto.org; without --quarto the site is built by nbconvert")
    with tempfile.TemporaryDirectory() as room:
        copy = Path(shutil.copytree(NBS, Path(room) / "nbs", ignore=shutil.ignore_patterns(".*", "results")))
        for file in copy.rglob("*.ipynb"):
            notebook = nbformat.from_dict(json.loads(file.read_text(encoding="utf-8")))
            prepare(notebook)
            for cell in notebook.cells:
                cell.source = "#| echo: false\n" * bool(cell.metadata.get("silent")) + cell.source
            notebook.metadata = {"kernelspec": {"name": "python3", "language": "python", "display_name": "python3"}}
            nbformat.write(notebook, file)
        subprocess.run(["quarto", "render", "--no-execute"], cwd=copy, check=True)
        shutil.move(copy / settings()["doc_path"], out)
    return 0


def main():
    """Build or check; returns the exit code."""
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--out", type=Path, default=ROOT / "_site", help="folder of the site")
    words.add_argument("--check", action="store_true", help="look over what was built")
    words.add_argument("--quarto", action="store_true", help="build with Quarto")
    given = words.parse_args()
    if given.check:
        found, pages = faults(given.out, ROOT, settings())
        print(*found, f"{len(found)} faults on {pages} pages of {given.out}", sep="\n", file=sys.stderr if found else sys.stdout)
        return 1 if found else 0
    if given.out.is_dir() and any(given.out.iterdir()) and not (given.out / "index.html").is_file():
        raise SystemExit(f"{given.out} is a folder of something else; it would be replaced")
    shutil.rmtree(given.out, ignore_errors=True)
    if given.quarto:
        return quarto(given.out)
    given.out.mkdir(parents=True)
    print(f"{build(given.out)} pages in {given.out}; open {given.out / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
