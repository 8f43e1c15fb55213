"""Write README.md from nbs/index.ipynb, or with --check fail when it is out of date.

Markdown cells go in as they are (links to notebooks get their folder), code cells as python blocks, then their outputs:
text in a text block, markdown as it is, pictures as files under nbs/images. A cell that begins with `#| hide` is left
out; of one with `#| echo: false` only the outputs are shown; `#| alt: WORDS` describes a picture.
"""
import base64
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK, README, IMAGES = ROOT / "nbs" / "index.ipynb", ROOT / "README.md", ROOT / "nbs" / "images"
FORMATS = {"image/png": "png", "image/svg+xml": "svg", "image/jpeg": "jpg"}


def text_of(value):
    """Notebook text, a string or a list of lines, as a string."""
    return value if isinstance(value, str) else "".join(value)


def linked(markdown):
    """Links from nbs/ to its neighbours, seen from the root."""
    markdown = re.sub(r"\]\(#([^)\s]+)\)", lambda anchor: f"](#{anchor[1].lower()})", markdown)    # as README pages name them
    return re.sub(r"\]\((?!https?:|/|#|nbs/)([^)\s]+\.(?:ipynb|png|svg|jpg))\)", r"](nbs/\1)", markdown).replace("](../", "](")


def outputs_of(cell, pictures, words):
    """The outputs of a code cell as markdown; pictures are collected as {file name: bytes}, `words` describe them."""
    parts = []
    for number, output in enumerate(cell.get("outputs", [])):
        data = output.get("data", {})
        kind = next((kind for kind in FORMATS if kind in data), None)
        if kind:
            content = text_of(data[kind])
            name = f"index-{cell['id']}-{number}.{FORMATS[kind]}"
            pictures[name] = content.encode() if kind == "image/svg+xml" else base64.b64decode(content)
            parts.append(f"![{words}](nbs/images/{name})")
        elif "text/markdown" in data:
            parts.append(linked(text_of(data["text/markdown"])).strip())
        else:
            text = text_of(output.get("text", data.get("text/plain", ""))).rstrip()
            parts.append("```text\n" + re.sub(r"\x1b\[[0-9;]*m", "", text) + "\n```" if text.strip() else "")
    return [part for part in parts if part]


def readme():
    """README.md as text, and its pictures as {file name: bytes}."""
    parts, pictures = [], {}
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        source = text_of(cell["source"]).strip()
        directives = re.findall(r"^#\|\s*(.*?)\s*$", source, re.M)
        if not source or "hide" in directives:
            continue
        if cell["cell_type"] == "markdown":
            parts.append(linked(source))
        elif cell["cell_type"] == "code":
            code = re.sub(r"^#\|.*\n?", "", source, flags=re.M).strip()
            if code and "echo: false" not in directives:
                parts.append(f"```python\n{code}\n```")
            words = next((entry[4:].strip() for entry in directives if entry.startswith("alt:")), "output")
            parts += outputs_of(cell, pictures, words)
    note = "<!-- Written by .ci/readme.py from nbs/index.ipynb: edit the notebook, not this file. -->"
    return "\n\n".join([*parts, note]) + "\n", pictures


def main():
    """Write, or compare with --check; returns the exit code."""
    text, pictures = readme()
    there = {file.name: file for file in sorted(IMAGES.glob("index-*"))} if IMAGES.is_dir() else {}
    if "--check" in sys.argv[1:]:
        stale = ["README.md"] if not README.is_file() or README.read_text(encoding="utf-8") != text else []
        stale += [f"nbs/images/{name}" for name, content in pictures.items()
                  if name not in there or there[name].read_bytes() != content]
        stale += [f"nbs/images/{name} (no longer used)" for name in there if name not in pictures]
        if stale:
            print(f"out of date: {', '.join(stale)}; run python .ci/readme.py", file=sys.stderr)
        else:
            print("README.md is up to date")
        return 1 if stale else 0
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name in set(there) - set(pictures):
        there[name].unlink()
    for name, content in pictures.items():
        (IMAGES / name).write_bytes(content)
    README.write_text(text, encoding="utf-8")
    print(f"README.md written, {len(pictures)} pictures")
    return 0


if __name__ == "__main__":
    sys.exit(main())
