"""Everything a reader may want to change stands in settings.ini; this file only hands it to setuptools."""
from configparser import ConfigParser
from pathlib import Path

from setuptools import setup

here = Path(__file__).parent
config = ConfigParser(delimiters=["="])
config.read(here / "settings.ini", encoding="utf-8")
cfg = config["DEFAULT"]


def words(key):
    return cfg.get(key, "").split()


setup(
    name=cfg["lib_name"],
    version=cfg["version"],
    description=cfg["description"],
    long_description=(here / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author=cfg["author"],
    author_email=cfg["author_email"],
    license="MIT",
    keywords=cfg["keywords"],
    python_requires=f">={cfg['min_python']}",
    packages=["c2e", "c2e.data_samples"],
    package_dir={"c2e.data_samples": "data_samples"},
    package_data={"c2e.data_samples": ["**/*"]},
    install_requires=words("requirements"),
    extras_require={extra: words(f"{extra}_requirements") for extra in ("dev", "osm", "explore", "maps", "scale")},
    entry_points={"console_scripts": words("console_scripts")},
    classifiers=["Intended Audience :: Education", "Intended Audience :: Science/Research",
                 "Programming Language :: Python :: 3"],
    zip_safe=False,
)
