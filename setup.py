"""One wheel: the addon where Odoo looks for it, the connectors, the message texts, two commands."""

from __future__ import annotations

from pathlib import Path

from setuptools import setup

HERE = Path(__file__).parent
#: import name in the wheel -> folder here. `odoo` and `odoo.addons` stay namespaces, they belong to Odoo.
ROOTS = {
    "odoo.addons.odoo_dunning": "odoo_dunning",
    "dunning_connectors": "connectors",
    "dunning_templates": "templates",
}
QUICKBOOKS = ["python-quickbooks>=0.9.12"]
XERO = ["xero-python>=15"]


def packages() -> dict[str, str]:
    """Every folder with an `__init__.py` as a package, and the roots whether they have one or not."""
    found = {}
    for name, root in ROOTS.items():
        found[name] = root
        for marker in sorted(HERE.joinpath(root).rglob("__init__.py")):
            inside = marker.parent.relative_to(HERE / root).parts
            found[".".join([name, *inside])] = "/".join([root, *inside])
    return found


def data_files(root: str) -> list[str]:
    """What is not a module of a package: views, data, texts, pictures, migration scripts."""
    folders = set(PACKAGES.values())
    return [
        path.relative_to(HERE / root).as_posix()
        for path in sorted(HERE.joinpath(root).rglob("*"))
        if path.is_file()
        and "__pycache__" not in path.parts
        and (path.suffix != ".py" or path.parent.relative_to(HERE).as_posix() not in folders)
    ]


def version() -> str:
    """The addon's own version, 19.0.x.y.z."""
    manifest = HERE.joinpath("odoo_dunning", "__manifest__.py").read_text(encoding="utf-8")
    line = next(line for line in manifest.splitlines() if '"version"' in line)
    return line.split(":")[1].strip(' ",')


PACKAGES = packages()
README = HERE / "README.md"

setup(
    name="odoo-dunning",
    version=version(),
    description="Collections in Odoo 19 over receivables from Odoo, QuickBooks Online and Xero",
    long_description=README.read_text(encoding="utf-8") if README.is_file() else "",
    long_description_content_type="text/markdown",
    license="LGPL-3.0-only",
    python_requires=">=3.10",
    packages=list(PACKAGES),
    package_dir=PACKAGES,
    package_data={name: data_files(root) for name, root in ROOTS.items()},
    install_requires=["babel", "cryptography", "holidays", "jinja2>=3.1", "requests>=2.25", "werkzeug"],
    extras_require={
        "quickbooks": QUICKBOOKS,
        "xero": XERO,
        "dev": [*QUICKBOOKS, *XERO, "aiosmtpd", "hypothesis", "playwright", "pylint-odoo", "pytest", "ruff"],
    },
    entry_points={
        "console_scripts": [
            "dunning-sync = dunning_connectors.cli:sync_main",
            "dunning-sandbox = dunning_connectors.cli:sandbox_main",
        ]
    },
    classifiers=[
        "Framework :: Odoo",
        "Framework :: Odoo :: 19.0",
        "Intended Audience :: Financial and Insurance Industry",
        "Programming Language :: Python :: 3",
        "Topic :: Office/Business :: Financial :: Accounting",
    ],
)
