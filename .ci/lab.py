"""Open each notebook with sliders in a real JupyterLab, run it, move every slider. Usage: python .ci/lab.py FOLDER [NOTEBOOK ...]

Without names: every notebook under nbs/ that calls a function explore_*. Works on a copy; nothing in the repository changes. Needs
playwright, JupyterLab and a chromium of the system. For each notebook: all cells are run, every slider (list, check box) of the result is
moved by the keyboard, and the picture beside it must become another one. Fails on an error in any output, a cell that did not run, a slider
without effect, a notebook without sliders. Screenshots go to FOLDER as lab-NOTEBOOK.png. C2E_LAB_LIMIT: seconds allowed for running one.
"""
import ast
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import TimeoutError, sync_playwright

from browser import FLAGS, chromium

ROOT = Path(__file__).resolve().parent.parent
LIMIT = float(os.environ.get("C2E_LAB_LIMIT", 600))
MOVE, QUIET, PRESSES = 60, 2.0, 6           # seconds for a new picture; of an idle kernel before another press; presses at most
AWAKE = ["--disable-background-timer-throttling", "--disable-renderer-backgrounding", "--disable-backgrounding-occluded-windows"]
CALM = {"notebook-extension/tracker": {"windowingMode": "none"},     # all outputs in the page, also those out of sight
        "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}}
CONTROLS = ".jp-OutputArea .widget-slider, .jp-OutputArea .widget-dropdown, .jp-OutputArea .widget-checkbox"
READY = """() => { const panel = window.jupyterapp?.shell?.currentWidget;
    return Boolean(panel?.context?.isReady && panel.sessionContext?.isReady && panel.sessionContext.session?.kernel) }"""
START = """() => { window.finished = ''; jupyterapp.commands.execute('notebook:run-all-cells')
    .then(() => { window.finished = 'done' }, error => { window.finished = String(error) }) }"""
IDLE = "() => jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === 'idle'"
PICTURES = """cell => [...cell.querySelectorAll('.jp-OutputArea-output img, .jp-OutputArea-output canvas')]
    .filter(one => one.tagName === 'CANVAS' || (one.complete && one.naturalWidth))
    .map(one => one.tagName === 'CANVAS' ? one.toDataURL() : one.src).join('|')"""
ALARM = re.compile(r"Traceback \(most recent|Error displaying widget|Error creating widget|Loading widget")


def calls_slider(path):
    """Whether a notebook calls a function explore_* (defining one is not enough)."""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] != "code" or "explore_" not in source:
            continue
        lines = ["pass" if line.startswith(("%", "!")) else line for line in source.split("\n")]
        for node in ast.walk(ast.parse("\n".join(lines))):
            name = getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""
            if name.startswith("explore_"):
                return True
    return False


def copied(room):
    """A copy of the notebooks, with links to what lies beside them; returns its folder."""
    course = room / "course"
    shutil.copytree(ROOT / "nbs", course / "nbs", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    for entry in ROOT.iterdir():
        if entry.name != "nbs" and not entry.name.startswith((".", "_")) and entry.name not in ("runs", "build", "dist"):
            (course / entry.name).symlink_to(entry)
    for name, words in CALM.items():
        file = room / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(words), encoding="utf-8")
    return course


def serve(room, course, log):
    """Start JupyterLab on a free port of 127.0.0.1: (process, address, token)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    homes = {name: str(room / folder) for name, folder in (("JUPYTER_CONFIG_DIR", "config"), ("JUPYTER_RUNTIME_DIR", "runtime"), (
        "JUPYTER_DATA_DIR", "data"), ("JUPYTERLAB_SETTINGS_DIR", "settings"), ("JUPYTERLAB_WORKSPACES_DIR", "workspaces"), ("IPYTHONDIR", "ipython"))}
    inline = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}           # pictures must reach the page
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0",
               f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={course}", "--allow-root", "--LabApp.expose_app_in_browser=True",
               "--LabApp.extension_manager=readonly"]
    process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=course, env={**os.environ, **homes, **inline})
    address = f"http://127.0.0.1:{port}"
    for _ in range(1200):
        try:
            urllib.request.urlopen(f"{address}/api?token={token}", timeout=5).close()
            return process, address, token
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.1)
    process.kill()
    raise SystemExit(f"JupyterLab did not start:\n{Path(log.name).read_text()}")


def begin(context, address, token, name):
    """Open a notebook in its own tab and start all its cells: (page, time)."""
    page, begun = context.new_page(), time.perf_counter()
    room = re.sub(r"[^A-Za-z0-9]", "-", name)
    page.goto(f"{address}/doc/workspaces/{room}/tree/nbs/{name}?token={token}&reset", wait_until="load", timeout=LIMIT * 1000)
    page.wait_for_function(READY, timeout=LIMIT * 1000, polling=250)
    page.evaluate(START)
    return page, begun


def settled(page, seconds, limit):
    """Wait until the kernel has been idle for so many seconds."""
    since, end = None, time.perf_counter() + limit
    while time.perf_counter() < end:
        since = (since or time.perf_counter()) if page.evaluate(IDLE) else None
        if since and time.perf_counter() - since >= seconds:
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"the kernel was not idle after {limit:.0f} s")


def trouble(page):
    """Errors in any output, widgets that were not drawn and cells that did not run, as a list."""
    cells = page.evaluate("() => jupyterapp.shell.currentWidget.content.model.toJSON().cells")
    found = [f"{output['ename']}: {output['evalue']} (cell {cell.get('id')})" for cell in cells for output in cell.get("outputs", [])
             if output["output_type"] == "error"]
    found += [f"cell {cell.get('id')} did not run" for cell in cells
              if cell["cell_type"] == "code" and "".join(cell["source"]).strip() and cell.get("execution_count") is None]
    found += [text.strip()[-500:] for text in page.locator(".jp-OutputArea-output").all_inner_texts() if ALARM.search(text)]
    return list(dict.fromkeys(found))


def nudge(control):
    """Move one control by one step; returns what it shows afterwards."""
    kind = control.evaluate("one => ['slider', 'dropdown', 'checkbox'].find(kind => one.classList.contains(`widget-${kind}`))")
    if kind == "checkbox":
        control.locator("input").press("Space")
        return str(control.locator("input").is_checked())
    if kind == "dropdown":
        field = control.locator("select")
        field.select_option(index=(field.evaluate("one => one.selectedIndex") + 1) % field.evaluate("one => one.options.length"))
        return field.evaluate("one => one.selectedOptions[0].text")
    handle = control.locator(".noUi-handle").first
    now, most = (float(handle.get_attribute(f"aria-value{name}")) for name in ("now", "max"))
    handle.press("ArrowLeft" if control.get_attribute("data-back") or now >= most else "ArrowRight")
    if now >= most:
        control.evaluate("one => one.dataset.back = 1")                    # from the end there is one way only
    return control.locator(".widget-readout").inner_text()


def move(page, control):
    """Move a control until the pictures of its cell change: "label -> value" and the seconds from press to picture."""
    cell = control.locator("xpath=ancestor::*[contains(concat(' ', @class, ' '), ' jp-Cell ')][1]")
    words = control.locator(".widget-label, .widget-label-basic").all_inner_texts()
    name = next((word for word in (word.strip(" \u200b\n") for word in words) if word), "without a label")
    before = cell.evaluate(PICTURES)
    assert before, f"{name}: no picture beside it"
    for _ in range(PRESSES):
        pressed, quiet = time.perf_counter(), None
        value = nudge(control)
        while time.perf_counter() - pressed < MOVE:
            now = cell.evaluate(PICTURES)
            if now and now != before:
                took = time.perf_counter() - pressed
                settled(page, 0.3, MOVE)
                return f"{name} -> {value}", took
            text = cell.inner_text()
            assert not ALARM.search(text), f"{name} -> {value}: {text.strip()[-500:]}"
            quiet = (quiet or time.perf_counter()) if page.evaluate(IDLE) else None
            if quiet and time.perf_counter() - quiet > QUIET:
                break                                                      # this step changed nothing that is seen
            page.wait_for_timeout(20)
    raise AssertionError(f"{name}: no other picture after {PRESSES} steps")


def finish(page, name, folder):
    """Wait for the run, move everything, photograph; returns what was moved."""
    page.bring_to_front()
    page.wait_for_function("() => window.finished", timeout=LIMIT * 1000, polling=250)
    settled(page, 1.0, LIMIT)
    try:
        page.wait_for_selector(CONTROLS, timeout=30_000)
    except TimeoutError:
        raise AssertionError("\n".join(trouble(page) or ["no slider in any output"])) from None
    found = trouble(page)
    assert not found, "\n".join(found)
    moved = []
    for control in page.locator(CONTROLS).all():
        control.scroll_into_view_if_needed()
        moved.append(move(page, control))
    found = trouble(page)
    assert not found, "\n".join(found)
    cells = page.locator(".jp-Cell:has(.widget-slider)")
    for number in range(cells.count()):
        cells.nth(number).screenshot(path=folder / f"lab-{Path(name).stem}{f'-{number + 1}' if number else ''}.png")
    return moved


def main(folder, names):
    """Run all and report; returns the exit code."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = sorted(path for path in (ROOT / "nbs").rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts and calls_slider(path))
    todo = names or [path.relative_to(ROOT / "nbs").as_posix() for path in paths]
    assert todo, "no notebook calls an explore_*"
    begun, failed, tabs = time.perf_counter(), [], {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as room, open(folder / "lab.log", "w") as log:
        process, address, token = serve(Path(room), copied(Path(room)), log)
        try:
            with sync_playwright() as play:
                context = play.chromium.launch_persistent_context(
                    f"{room}/profile", executable_path=chromium(), headless=True, args=FLAGS + AWAKE, viewport={"width": 1200, "height": 1000})
                context.route(lambda asked: not asked.startswith((address, "data:", "blob:")), lambda route: route.abort())
                for number, name in enumerate(todo):
                    for other in todo[number:number + 2]:                  # the next one runs while this one is looked at
                        if other not in tabs:
                            tabs[other] = begin(context, address, token, other)
                    page, start = tabs[name]
                    try:
                        moved = finish(page, name, folder)
                        print(f"{name}: {time.perf_counter() - start:.0f} s, {len(moved)} moved:",
                              "; ".join(f"{what} ({took:.2f} s)" for what, took in moved), flush=True)
                    except Exception as error:                             # a failure of one must not hide another's
                        failed.append(name)
                        page.screenshot(path=folder / f"lab-{Path(name).stem}-failed.png")
                        print(f"{name}: FAILED after {time.perf_counter() - start:.0f} s: {str(error)[:2000]}", flush=True)
                    page.evaluate("() => jupyterapp.shell.currentWidget?.sessionContext?.shutdown?.()")
                    page.close()
                context.close()
        finally:
            process.terminate()
            process.wait(60)
    print(f"{len(todo)} notebooks in JupyterLab, {len(failed)} failed, {time.perf_counter() - begun:.0f} s; screenshots in {folder}")
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    sys.exit(main(Path(sys.argv[1]).resolve(), sys.argv[2:]))
