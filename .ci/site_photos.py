"""Look at the web edition in a real browser, without network. Usage: python .ci/site_photos.py SITE FOLDER [PAGE ...]

Every page is opened 390 pixels wide, as on a phone, and must not scroll sideways; the named pages (else the start and two chapters) are
photographed 390 and 1280 pixels wide into FOLDER, whole, as site-PAGE-WIDTH.png. Fails on a request to another host, on a script's error,
on a picture that does not load.
"""
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from browser import FLAGS, chromium

PAGES = ("index.html", "00_polar.html", "08_losses.html")
WIDE = """() => { const most = document.documentElement.clientWidth;
    const scrolls = one => one && one !== document.body && (/auto|scroll|hidden/.test(getComputedStyle(one).overflowX) || scrolls(one.parentElement));
    return [...document.querySelectorAll('main *')].filter(one => one.getBoundingClientRect().right > most + 1 && !scrolls(one.parentElement))
        .slice(0, 3).map(one => `${one.tagName.toLowerCase()}.${one.className} ${one.textContent.trim().slice(0, 60)}`) }"""
LOAD = """async () => { const all = [...document.images]; all.forEach(one => { one.loading = 'eager' });
    await Promise.all(all.map(one => one.decode().catch(() => {})));
    return all.filter(one => !one.naturalWidth).map(one => one.src) }"""


def main(site, folder, names):
    """Look at every page; returns the exit code."""
    folder.mkdir(parents=True, exist_ok=True)
    troubles, pages = [], sorted(site.rglob("*.html"))
    assert pages, f"no pages in {site}"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, sync_playwright() as play:
        context = play.chromium.launch_persistent_context(profile, executable_path=chromium(), headless=True, args=FLAGS,
                                                          viewport={"width": 390, "height": 844})
        page = context.pages[0]
        page.on("pageerror", lambda error: troubles.append(f"{page.url}: {error}"))
        context.on("request", lambda asked: asked.url.startswith(("file:", "data:")) or troubles.append(f"{page.url}: asked {asked.url}"))
        for file in pages:
            page.goto(file.as_uri(), wait_until="load")
            name = file.relative_to(site).as_posix()
            if page.evaluate("document.documentElement.scrollWidth") > 390:
                troubles.append(f"{name}: scrolls sideways at 390: {page.evaluate(WIDE)}")
        for name in names or [name for name in PAGES if (site / name).is_file()]:
            for width, height in ((390, 844), (1280, 900)):
                page.set_viewport_size({"width": width, "height": height})
                page.goto((site / name).as_uri(), wait_until="load")
                troubles += [f"{name}: picture does not load: {source}" for source in page.evaluate(LOAD)]
                page.screenshot(path=folder / f"site-{Path(name).stem}-{width}.png", full_page=True)
        context.close()
    print(*troubles, f"{len(pages)} pages looked at, {len(troubles)} troubles; screenshots in {folder}", sep="\n")
    return 1 if troubles else 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    sys.exit(main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve(), sys.argv[3:]))
