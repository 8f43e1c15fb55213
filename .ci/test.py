"""Run `nbdev_test`, then say what it did not: how many notebooks and cells ran, and which were skipped.

nbdev_test prints no counts, exits 0 when it finds nothing, and skips flagged cells silently. A skip is allowed only
when `.ci/skips.txt` lists it as `notebook cell-id`.
"""
import json
import re
import subprocess
import sys
import time
from pathlib import Path

root = Path(__file__).resolve().parent.parent
notebooks = [p for p in sorted((root / "nbs").rglob("*.ipynb"))
             if not any(part.startswith((".", "_")) for part in p.relative_to(root).parts)]
allowed = set((root / ".ci/skips.txt").read_text().split("\n")) if (root / ".ci/skips.txt").exists() else set()

run_cells, unlisted = 0, []
for path in notebooks:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    whole = any("skip_exec: true" in "".join(c["source"]) for c in cells if c["cell_type"] in ("raw", "markdown"))
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] != "code" or not source.strip():
            continue
        if whole or re.search(r"^#\|\s*(eval:\s*false|notest)", source, re.M | re.I):
            if f"{path.name} {cell['id']}" not in allowed:
                unlisted.append(f"{path.name} {cell['id']}")
        else:
            run_cells += 1

start = time.time()
result = subprocess.run(["nbdev_test", "--timing"], cwd=root, text=True, capture_output=True)
print(result.stdout)
print(result.stderr, file=sys.stderr)
failed = []
if "Failed On The Following Notebooks" in result.stderr:
    tail = result.stderr.split("Failed On The Following Notebooks")[-1]
    failed = re.findall(r"^\s*(\S+\.ipynb)\s*$", tail, re.M)
if result.returncode and not failed:
    failed = ["nbdev_test itself"]
if not notebooks:
    failed = ["no notebook found"]
for skip in unlisted:
    print(f"skipped without a line in .ci/skips.txt: {skip}")
print(f"{len(notebooks)} notebooks, {run_cells} code cells executed, {len(unlisted)} unlisted skips, {time.time() - start:.0f} s")
print(f"{max(0, len(notebooks) - len(failed))} passed, {len(failed) + len(unlisted)} failed")
sys.exit(1 if failed or unlisted else 0)
