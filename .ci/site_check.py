"""What may be wrong with a built web edition: links, anchors, pictures, tracebacks, formulas, weight. Used by .ci/site.py --check."""
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup

HEAVY = 1_500_000                                            # bytes of a page with its pictures and style


class Built:
    """One page as it lies on disk."""

    def __init__(self, file):
        self.file, self.text = file, file.read_text(encoding="utf-8")
        self.soup = BeautifulSoup(re.sub(r'<div class="\s*highlight.*?</div>', "", self.text, flags=re.S), "html.parser")    # no code: faster
        names = [tag["id"] for tag in self.soup.find_all(id=True)]
        self.ids, self.twice = set(names), sorted({name for name in names if names.count(name) > 1})
        self.weight = file.stat().st_size


def address(built, href, root, config, pages):
    """What is wrong with one link, or ""."""
    parts = urlsplit(href)
    here = f"{config['git_url']}/"
    if href.startswith(here):
        found = re.match(rf"(?:blob|tree)/{re.escape(config['branch'])}/(.+)", unquote(href[len(here):]))
        return f"no such file in the repository: {href}" if found and not (root / found.group(1).split("#")[0]).exists() else ""
    if parts.scheme or parts.netloc:
        return "" if parts.scheme in ("https", "mailto") else f"not https: {href}"
    file = (built.file.parent / unquote(parts.path)).resolve() if parts.path else built.file
    if file not in pages:
        return "" if file.is_file() and file.suffix != ".ipynb" else f"broken link: {href}"
    return f"no such anchor: {href}" if parts.fragment and unquote(parts.fragment) not in pages[file].ids else ""


def page_faults(built, root, config, pages):
    """Everything that is wrong with one page."""
    soup, found = built.soup, []
    found += [address(built, link["href"], root, config, pages) for link in soup.find_all("a", href=True)]
    found += [f"id given twice: {name}" for name in built.twice]
    for tag in soup.select("img, script[src], link[rel=stylesheet], iframe"):
        source = tag.get("src") or tag.get("href") or ""
        file = built.file.parent / unquote(urlsplit(source).path)
        if urlsplit(source).scheme or not file.is_file():
            found.append(f"{tag.name} that is no file of the site: {source[:80]}")
        else:
            built.weight += file.stat().st_size
        if tag.name == "img" and not tag.get("alt"):
            found.append(f"picture without words: {source[:80]}")
    for block in soup.select(".output pre"):
        text = block.get_text()
        if "Traceback (most recent call last)" in text or "error" in block.get("class", []):
            found.append(f"traceback: {text.strip().splitlines()[-1][:100]}")
    for block in soup.find_all(["math", "merror"]):
        if block.name == "merror" or re.search(r"\\[A-Za-z]", block.get_text()):
            found.append(f"formula not understood: {block.get_text()[:80]}")
    for tag in soup(["pre", "code", "script", "style"]):
        tag.decompose()
    found += [f"formula left as TeX: {match.group()[:80]}" for match in re.finditer(r"\$\$|\$[^$\n]*\\[A-Za-z]+[^$\n]*\$", soup.get_text())]
    if not soup.title or not soup.title.get_text().strip() or not soup.find("h1"):
        found.append("no title")
    if built.weight > HEAVY:
        found.append(f"{built.weight:,} bytes with its pictures")
    return [fault for fault in found if fault]


def faults(out, root, config):
    """(list of faults as "page: what", number of pages) of a site built into the folder `out`."""
    out = Path(out).resolve()
    pages = {file: Built(file) for file in sorted(out.rglob("*.html"))}
    wanted = {file.relative_to(root / "nbs").with_suffix(".html") for folder in (root / "nbs", root / "nbs" / "solutions")
              for file in folder.glob("*.ipynb")}
    there = {file.relative_to(out) for file in pages}
    found = [f"{name}: not built" for name in sorted(wanted - there)] + [f"{name}: belongs to no notebook" for name in sorted(there - wanted)]
    for file, built in pages.items():
        found += [f"{file.relative_to(out)}: {fault}" for fault in dict.fromkeys(page_faults(built, root, config, pages))]
    return found, len(pages)
