"""Give every lesson notebook its Colab badge and set-up cell; with --check say which lack them or differ, change nothing.

Usage: python .ci/colab.py [--check] [NOTEBOOK ...]. Without names: all of nbs/ and its folders, but not index.ipynb. The badge comes after
the first markdown cell (title and summary stay where the index looks for them), the set-up cell after the badge. Both are generated from
the notebook's path, its imports and settings.ini, and known by their ids: running this again changes nothing. The set-up cell does
something in Colab only: it clones the repository, installs the package and what this notebook imports besides, and goes to its folder.
"""
import ast
import json
import re
import sys
from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BADGE, SETUP = "colab-badge", "colab-setup"
NAMES = {"cv2": "opencv-python-headless", "faiss": "faiss-cpu", "qdrant_client": "qdrant-client"}       # module: its package


def settings():
    """The words of settings.ini; `git_url` and the like are filled in."""
    found = ConfigParser(delimiters=["="])
    found.read(ROOT / "settings.ini", encoding="utf-8")
    return found["DEFAULT"]


def lessons():
    """All lesson notebooks, as paths."""
    files = sorted((ROOT / "nbs").rglob("*.ipynb"))
    return [file for file in files if file.name != "index.ipynb"
            and not any(part.startswith((".", "_")) for part in file.relative_to(ROOT).parts)]


def modules(code):
    """Names of all modules that Python code imports, at whatever depth: {"torch.nn", "c2e.world", ...}."""
    lines = [re.sub(r"\S.*", "pass", line) if line.lstrip().startswith(("%", "!")) else line for line in code.split("\n")]
    try:
        tree = ast.parse("\n".join(lines))
    except SyntaxError:                                  # a cell magic; what it imports is no concern of ours
        return set()
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{name.name}" for name in node.names if node.module == "c2e")}
    return found


def extras(notebook, config):
    """Requirements of the developers' list that a notebook, or a module of the package that it reaches, imports."""
    package, wanted, seen = config["lib_name"], set(), set()
    todo = set().union(*(modules("".join(cell["source"])) for cell in notebook["cells"] if cell["cell_type"] == "code"))
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        wanted.add(name.split(".")[0])
        file = ROOT / config["lib_path"] / (("/".join(name.split(".")[1:]) or "__init__") + ".py")
        if name.split(".")[0] == package and file.is_file():
            todo |= modules(file.read_text(encoding="utf-8"))
    lines = {re.split(r"[<>=!~\[]", line)[0]: line for line in config["dev_requirements"].split()}
    return [lines[name] for name in sorted(NAMES.get(name, name) for name in wanted) if name in lines]


def cells(path, notebook, config):
    """The two cells of a notebook."""
    place, name = path.relative_to(ROOT).as_posix(), config["repo"]
    link = f"https://colab.research.google.com/github/{config['user']}/{name}/blob/{config['branch']}/{place}"
    badge = f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({link})"
    wanted = "".join(f" '{line}'" for line in extras(notebook, config))
    code = ["#| hide", "import os, sys",
            'if "google.colab" in sys.modules:    # in Colab only: fetch the repository, install the package, go to this folder',
            f'    os.system("test -d /content/{name} || git clone -q --depth 1 -b {config["branch"]} {config["git_url"]} /content/{name}")',
            f'    assert not os.system("pip install -q /content/{name}{wanted}")',
            f'    os.chdir("/content/{Path(name, place).parent.as_posix()}")']
    entry = {"metadata": {}, "cell_type": "markdown", "id": BADGE, "source": [badge]}
    return entry, {"metadata": {}, "cell_type": "code", "id": SETUP, "execution_count": None, "outputs": [],
                   "source": "\n".join(code).splitlines(keepends=True)}


def same(one, other):
    """Whether two notebooks, as text, are equal; a source may be a string or a list of lines."""
    one, other = json.loads(one), json.loads(other)
    for cell in one["cells"] + other["cells"]:
        cell["source"] = "".join(cell["source"])
    return one == other


def furnished(path, config):
    """(text as it is, text as it should be) of one notebook."""
    before = path.read_text(encoding="utf-8")
    notebook = json.loads(before)
    there = {cell.get("id"): cell for cell in notebook["cells"]}
    notebook["cells"] = [cell for cell in notebook["cells"] if cell.get("id") not in (BADGE, SETUP)]
    first = next((number for number, cell in enumerate(notebook["cells"]) if cell["cell_type"] == "markdown"), None)
    if first is None:
        raise SystemExit(f"{path}: no markdown cell, so no title")
    ours = cells(path, notebook, config)
    ours[1]["execution_count"] = there.get(SETUP, {}).get("execution_count")        # a run of the notebook is no difference
    notebook["cells"][first + 1:first + 1] = ours
    return before, json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def main(words):
    """Write or check; returns the exit code."""
    check, config = "--check" in words, settings()
    names = [Path(word).resolve() for word in words if word != "--check"] or lessons()
    stale = []
    for path in names:
        before, after = furnished(path, config)
        if not same(before, after):
            stale.append(path.relative_to(ROOT).as_posix())
            if not check:
                path.write_text(after, encoding="utf-8")
    if check and stale:
        print(f"no Colab cells, or others than settings.ini and imports give; run python .ci/colab.py: {', '.join(stale)}", file=sys.stderr)
        return 1
    print(f"Colab cells: {len(names)} notebooks, {'all right' if check else f'{len(stale)} changed'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
