"""Use `c2e explore` in a real browser: click, move each slider, drop a panorama. Usage: python .ci/browser.py FOLDER

Needs playwright and a chromium of the system (CHROMIUM=/path, else chromium or google-chrome in PATH); nothing is downloaded.
Screenshots at two widths go to FOLDER. Fails on an error on the page or in the console, on a picture that does not change,
and on any request to another host than 127.0.0.1.
"""
import base64
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlparse

from playwright.sync_api import sync_playwright

WAIT = 60_000                                            # milliseconds for a picture to change on a busy machine
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]


def chromium():
    """Path of the system's chromium; SystemExit where there is none."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        raise SystemExit("no chromium: apt-get install chromium, or set CHROMIUM=/path/to/it")
    return found


def start(log):
    """Start the page on a free port with a small gallery: (process, address)."""
    command = [sys.executable, "-c", "import sys, c2e.cli; sys.exit(c2e.cli.main(sys.argv[1:]))", "explore",
               "--port", "0", "--places", "40"]
    process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=tempfile.gettempdir())
    for _ in range(1800):
        found = re.search(r"http://127\.0\.0\.1:\d+/", Path(log.name).read_text())
        if found or process.poll() is not None:
            break
        time.sleep(0.1)
    if not found:
        raise SystemExit(f"c2e explore did not start:\n{Path(log.name).read_text()}")
    return process, found.group()


def picture(page, name):
    """Where the picture with this element id comes from; it changes with the picture."""
    return page.locator(f"#{name} img").first.get_attribute("src")


def changed(page, act, names):
    """Do something and wait until all these pictures are others, and loaded; returns the seconds it took."""
    before, begun = {name: picture(page, name) for name in names}, time.perf_counter()
    act()
    for name, old in before.items():
        page.wait_for_function("""([name, old]) => { const found = document.querySelector(`#${name} img`);
            return found && found.src !== old && found.getAttribute('src') !== old && found.complete
                   && found.naturalWidth > 0 }""", arg=[name, old], timeout=WAIT)
    return time.perf_counter() - begun


def click_map(page, x, y):
    """Click on the map at a share of its width and height."""
    box = page.locator("#plan img").first.bounding_box()
    page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])


def walk(page, address, folder):
    """Everything that a visitor does; each step must change what it is about."""
    page.goto(address, wait_until="load")
    page.wait_for_selector("#street img", timeout=WAIT)
    first = page.locator("#words").inner_text()
    took = {"click": changed(page, lambda: click_map(page, 0.45, 0.5), ("plan", "tile", "polar", "fake", "street"))}
    assert page.locator("#words").inner_text() != first, "the click left the words as they were"
    for name, value, pictures in (("light", 7, ("tile", "polar", "fake", "street")), ("radius", 25, ("tile", "polar", "fake")),
                                  ("east", 6, ("tile", "polar", "fake")), ("north", -8, ("tile", "polar", "fake")),
                                  ("turn", 45, ("tile", "polar", "fake"))):
        field = page.locator(f"#{name} input[type=number]")
        took[name] = changed(page, lambda: (field.fill(str(value)), field.press("Enter")), pictures)
    page.screenshot(path=folder / "explore-sliders.png", full_page=True)
    bytes_ = page.evaluate("""async src => { const blob = await (await fetch(src)).blob();
        return await new Promise(done => { const reader = new FileReader(); reader.onload = () => done(reader.result);
                                           reader.readAsDataURL(blob) }) }""", picture(page, "street"))
    file = {"name": "street.png", "mimeType": "image/png", "buffer": base64.b64decode(bytes_.split(",")[1])}
    begun = time.perf_counter()
    page.locator("#photo input[type=file]").set_input_files(file)
    page.wait_for_selector("#tiles img", timeout=WAIT)
    page.wait_for_selector("#table td", timeout=WAIT)
    took["drop"] = time.perf_counter() - begun
    assert "First match helsinki-" in page.locator("#found").inner_text()
    assert page.locator("#table tbody tr").count() == 5
    assert not page.locator(".trouble").count(), page.locator(".trouble").first.inner_text()
    page.screenshot(path=folder / "explore-wide.png", full_page=True)
    page.set_viewport_size({"width": 420, "height": 900})
    page.wait_for_timeout(500)
    page.screenshot(path=folder / "explore-narrow.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 424, "the narrow page scrolls sideways"
    page.set_viewport_size({"width": 1400, "height": 1000})
    page.locator("#photo button[aria-label*=emove], #photo button[aria-label*=lear]").first.click()
    page.wait_for_selector("#photo input[type=file]", state="attached", timeout=WAIT)
    page.locator("#photo input[type=file]").set_input_files(
        {"name": "broken.png", "mimeType": "image/png", "buffer": b"no picture"})
    page.wait_for_selector("#found .trouble", timeout=WAIT)
    assert "no picture" in page.locator("#found").inner_text()
    return took


def main(folder):
    """Run the walk and report; returns the exit code."""
    folder.mkdir(parents=True, exist_ok=True)
    troubles = []
    with tempfile.TemporaryDirectory() as profile, open(folder / "explore.log", "w") as log:
        process, address = start(log)
        try:
            with sync_playwright() as play:
                context = play.chromium.launch_persistent_context(
                    profile, executable_path=chromium(), headless=True, args=FLAGS, viewport={"width": 1400, "height": 1000})
                page = context.pages[0]
                page.on("console", lambda line: line.type == "error" and troubles.append(f"console: {line.text}"))
                page.on("pageerror", lambda error: troubles.append(f"script: {error}"))
                context.on("request", lambda asked: urlparse(asked.url).hostname not in (None, "", "127.0.0.1")
                           and troubles.append(f"asked {asked.url}"))
                try:
                    took = walk(page, address, folder)
                except Exception:
                    page.screenshot(path=folder / "explore-failed.png", full_page=True)
                    print("\n".join(troubles), Path(log.name).read_text(), sep="\n")
                    raise
                context.close()
        finally:
            process.terminate()
            process.wait(60)
    text = Path(folder / "explore.log").read_text()
    troubles += ["the server said:\n" + text] if "Traceback" in text or "the page is closed" not in text else []
    print("seconds:", {name: round(seconds, 2) for name, seconds in took.items()})
    print(*troubles, f"{len(troubles)} troubles; screenshots in {folder}", sep="\n")
    return 1 if troubles else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    sys.exit(main(Path(sys.argv[1]).resolve()))
