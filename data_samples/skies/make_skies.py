"""Makes the skies of this folder from panoramas under CC0: `python make_skies.py FOLDER`. Needs numpy, Pillow, OpenEXR.

FOLDER holds the npm package @pmndrs/assets 1.7.0, unpacked, with its panoramas in `package/hdri/*.exr.js` (npm pack @pmndrs/assets@1.7.0 && tar xzf pmndrs-assets-1.7.0.tgz).

Each sky: the band from the horizon to 35 degrees, 64 rows, 640 columns, row 0 on top. What stands before the sky is painted
over with the sky beside it. The sun's glow is fitted and divided out, because the view that uses a sky has a sun of its
own; the side on which the sun stood is turned to the middle column, so that clouds are lit from there."""
import base64
import re
import sys
from pathlib import Path

import numpy as np
import OpenEXR
from PIL import Image

# name: file, share of the row's usual brightness under which something stands before the sky, degrees below which nothing is
# trusted, azimuth of the sun as a share of the width (None: overcast, no glow to divide out), its elevation, saturation,
# holes: boxes (left, right as shares of the width, top, bottom in degrees) to paint over, the sun's disc among them
SKIES = {"cumulus": ("package/hdri/sky.exr.js", 0., 1., .594, 48., 1., ()),
         "wisps": ("package/hdri/park.exr.js", .45, 6., .600, 10., .8, ((.545, .655, 30., 0.), (.215, .25, 26., 0.))),
         "flakes": ("package/hdri/venice.exr.js", .5, 4., .428, 6., .6, ()),
         "overcast": ("package/hdri/city.exr.js", .6, 8., None, 0., .6, ((.385, .41, 14., 0.),))}
ROWS, COLUMNS, HIGHEST = 64, 640, 35.


def read(path):
    "RGB float32 (H, W, 3) of an OpenEXR file, or of one that a JavaScript module holds as base64."
    if path.suffix == ".js":
        packed = re.search(r"base64,([A-Za-z0-9+/=]+)", path.read_text()).group(1)
        path = path.with_suffix("")
        path.write_bytes(base64.b64decode(packed))
    return np.nan_to_num(np.asarray(OpenEXR.File(str(path)).channels()["RGB"].pixels, np.float32))


def band(image):
    "The rows from HIGHEST degrees down to the horizon, resized to ROWS x COLUMNS, linear light."
    rows = round(image.shape[0] * HIGHEST / 180)
    middle = image.shape[0] // 2
    channels = [Image.fromarray(np.ascontiguousarray(c)).resize((COLUMNS, ROWS), Image.BICUBIC)
                for c in np.moveaxis(image[middle - rows:middle].clip(0, np.percentile(image, 99.8)), 2, 0)]
    return np.stack([np.asarray(c) for c in channels], -1).clip(1e-4)


def free(sky, share, lowest, holes):
    "Mask of the cells where the sky is seen: from the top of each column down to the first thing that stands before it."
    light, elevation = sky.mean(-1), HIGHEST * (1 - (np.arange(ROWS) + .5) / ROWS)
    usual = np.percentile(light, 75, axis=1, keepdims=True)
    seen = (light > share * usual) & (elevation[:, None] > lowest)
    seen = np.minimum.accumulate(seen, 0)
    x = (np.arange(COLUMNS) + .5) / COLUMNS
    for left, right, top, bottom in holes:
        seen &= ~((x > left) & (x < right) & (elevation[:, None] < top) & (elevation[:, None] > bottom))
    for _ in range(4):                                       # and a margin of four cells
        shrunk = seen & np.roll(seen, 1, 1) & np.roll(seen, -1, 1)
        shrunk[:-1] &= seen[1:]
        seen = shrunk
    return seen


def fill(sky, seen):
    "Rows are continued across what hides the sky, between the nearest cells that are seen; the lowest rows blur out."
    out, x = sky.copy(), np.arange(COLUMNS)
    for i in range(ROWS):
        good = np.flatnonzero(seen[i])
        if len(good) < COLUMNS // 8:
            above = np.concatenate([out[i - 1]] * 3).reshape(3 * COLUMNS, 3)
            sums = np.cumsum(above, 0)
            out[i] = (sums[COLUMNS + 12:2 * COLUMNS + 12] - sums[COLUMNS - 13:2 * COLUMNS - 13]) / 25
            continue
        for c in range(3):
            row = np.interp(x, good, sky[i, good, c], period=COLUMNS)
            out[i, :, c] = np.where(seen[i], sky[i, :, c], row)
    soft = out.copy()
    for _ in range(12):                                      # what was painted over is smoothed, the rest stays
        pad = np.pad(soft, ((1, 1), (0, 0), (0, 0)), mode="edge")
        soft = .25 * (pad[:-2] + pad[2:]) + .25 * (np.roll(soft, 1, 1) + np.roll(soft, -1, 1))
        soft = np.where(seen[..., None], out, soft)
    return soft


def unglow(sky, seen, sun, height):
    "Fits log light by elevation and by distance from the sun, and takes the latter out."
    azimuth = 2 * np.pi * ((np.arange(COLUMNS) + .5) / COLUMNS - sun)
    e, s = np.radians(HIGHEST * (1 - (np.arange(ROWS) + .5) / ROWS))[:, None], np.radians(height)
    away = np.arccos(np.clip(np.sin(e) * np.sin(s) + np.cos(e) * np.cos(s) * np.cos(azimuth), -1, 1))
    terms = [np.ones_like(away), e + 0 * away, e ** 2 + 0 * away]
    glow = [np.exp(-away / w) for w in (.08, .2, .5, 1.2)]
    matrix = np.stack([t[seen] for t in terms + glow], 1)
    for c in range(3):
        fit = np.linalg.lstsq(matrix, np.log(sky[..., c])[seen], rcond=None)[0]
        side = sum(f * (g - np.exp(-1.5 / w)) for f, g, w in zip(fit[3:], glow, (.08, .2, .5, 1.2)))
        sky[..., c] /= np.exp(side)
    return sky


if __name__ == "__main__":
    for name, (file, share, lowest, sun, height, saturation, holes) in SKIES.items():
        sky = band(read(Path(sys.argv[1]) / file))
        seen = free(sky, share, lowest, holes)
        sky = fill(sky if sun is None else unglow(sky, seen, sun, height), seen)
        sky = sky if sun is None else np.roll(sky, COLUMNS // 2 - round(sun * COLUMNS), 1)
        grey = sky.mean(-1, keepdims=True)
        sky = grey + saturation * (sky - grey)
        shown = (.62 * (sky / np.median(sky.mean(-1))) ** (1 / 1.8)).clip(0)
        shown = np.where(shown > .8, .8 + .2 * np.tanh((shown - .8) / .2), shown)          # clouds keep their shape
        Image.fromarray((255 * shown).round().astype(np.uint8)).save(f"{name}.jpg", quality=92, subsampling=0)
        print(name, Path(f"{name}.jpg").stat().st_size, "bytes")
