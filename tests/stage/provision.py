"""Put everything a real Odoo needs into the cache folder: Python packages, Odoo 19, Chromium, wkhtmltopdf.

Every part is a folder named after its recipe; a complete one is used as it is, so a second start costs nothing.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from tests.stage import apt, cache, progress
from tests.stage.errors import StageError, Unavailable

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
PIP_OPTIONS = ("--no-input", "--disable-pip-version-check", "--progress-bar=off", "--prefer-binary")
SUPPORTED_PYTHONS = ((3, 10), (3, 13))

ODOO_PACKAGES = [
    "odoo-19/sid",
    "libjs-jquery/sid",
    "libjs-jquery-form/sid",
    "libjs-underscore/sid",
    "fonts-inconsolata/sid",
    "fonts-roboto-unhinted/sid",
    "fonts-montserrat/sid",
    "fonts-ocr-b/sid",
    # Odoo's stylesheets name the files of Font Awesome 4.7; the unstable suite has moved on to 7.
    "fonts-font-awesome/bookworm",
]
ODOO_PYTHON = "usr/lib/python3/dist-packages"
ODOO_WITNESSES = (
    f"{ODOO_PYTHON}/odoo/release.py",
    f"{ODOO_PYTHON}/odoo/addons/web/__manifest__.py",
    f"{ODOO_PYTHON}/odoo/addons/web/static/lib/jquery/jquery.js",
)

CHROMIUM_NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chromium-headless-shell",
)
NEED_GB = 4


def provision() -> None:
    """Make the stage ready, or raise StageError saying why it cannot be and what to do."""
    if is_ready():
        return
    with cache.locked("provision"):
        cache.require_free_space(cache.root(), NEED_GB)
        ensure_python()
        ensure_odoo()
        ensure_tools()


def is_ready() -> bool:
    """Whether every part is complete; looks at the cache only, so it takes no time."""
    if "ODOO_HOME" in os.environ:
        _checked_odoo_home()
    elif not cache.is_complete(odoo_folder(), ODOO_WITNESSES):
        return False
    return cache.is_complete(venv_folder(), ("bin/python",)) and cache.is_complete(tools_folder(), ())


# --- Python -----------------------------------------------------------------------------------------------------


def venv_folder() -> Path:
    """The Python environment, one per Python version and list of requirements."""
    recipe = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:8]
    return cache.root() / f"python{sys.version_info[0]}.{sys.version_info[1]}-{recipe}"


def venv_python() -> Path:
    return venv_folder() / "bin" / "python"


def ensure_python() -> Path:
    """The environment with what Odoo, the product and the tests import."""
    if not SUPPORTED_PYTHONS[0] <= sys.version_info[:2] <= SUPPORTED_PYTHONS[1]:
        raise StageError(
            f"Python {sys.version_info[0]}.{sys.version_info[1]} is not supported by Odoo 19; run this with Python "
            "3.10, 3.11, 3.12 or 3.13."
        )
    return cache.ensure(venv_folder(), ("bin/python",), _build_python)


def _build_python(folder: Path) -> dict:
    with progress.step("Creating the Python environment"):
        created = subprocess.run([sys.executable, "-m", "venv", str(folder)], capture_output=True, text=True)
    if created.returncode:
        raise StageError(
            "Python could not create a virtual environment; install your system's package for it (Debian: "
            f"python3-venv) and run again. It said: {(created.stdout + created.stderr).strip()[-200:]}"
        )
    wanted = [line for line in REQUIREMENTS.read_text().splitlines() if line and not line.startswith("#")]
    log = cache.root() / "pip.log"
    with (
        progress.step("Installing Python packages", total=2.5 * len(wanted)) as current,
        log.open("w") as out,
    ):
        process = subprocess.Popen(
            [str(folder / "bin/python"), "-m", "pip", "install", "-r", str(REQUIREMENTS), *PIP_OPTIONS],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        errors = []
        for line in process.stdout:
            out.write(line)
            if line.startswith("Collecting "):
                current.done += 1
            if line.startswith(("Collecting ", "Installing ", "Building ")):
                current.detail = line.split("(")[0].strip()[:40]
            if line.startswith("ERROR:"):
                errors.append(line.removeprefix("ERROR:").strip())
        if process.wait():
            raise StageError(
                f"The Python packages could not be installed ({(errors or ['see the log'])[0][:160]}); check the "
                f"network and the disk, then run again. Log: {log}"
            )
    return {"python": sys.version.split()[0]}


# --- Odoo -------------------------------------------------------------------------------------------------------


def odoo_folder() -> Path:
    recipe = hashlib.sha256("\n".join(ODOO_PACKAGES).encode()).hexdigest()[:8]
    return cache.root() / f"odoo19-{recipe}"


def odoo_python_path() -> Path:
    """The folder whose `odoo` package runs: the checkout named by ODOO_HOME, else the unpacked Debian package."""
    home = os.environ.get("ODOO_HOME")
    return Path(home).expanduser().resolve() if home else odoo_folder() / ODOO_PYTHON


def ensure_odoo() -> Path:
    """Odoo 19, unpacked, not installed."""
    if "ODOO_HOME" in os.environ:
        return _checked_odoo_home()
    return cache.ensure(odoo_folder(), ODOO_WITNESSES, _build_odoo)


def _checked_odoo_home() -> Path:
    home = odoo_python_path()
    if not (home / "odoo" / "release.py").is_file():
        raise StageError(
            f"ODOO_HOME={home} holds no odoo/release.py; point it at an Odoo 19 source checkout."
        )
    if "(19, 0" not in (home / "odoo" / "release.py").read_text():
        raise StageError(f"ODOO_HOME={home} is not Odoo 19.0; point it at a checkout of branch 19.0.")
    return home


def _build_odoo(folder: Path) -> dict:
    archive = apt.main_archive(apt.debian_sources())
    packages = apt.Apt(
        cache.root() / "apt-odoo", [{**archive, "Suites": "sid bookworm", "Components": "main"}]
    )
    packages.update()
    files = packages.download(ODOO_PACKAGES, "Odoo 19")
    apt.unpack(files, folder, "Odoo 19")
    _root_links(folder)
    versions = [path.name.removesuffix(".deb") for path in files]
    shutil.rmtree(packages.folder)
    return {"packages": versions}


def _root_links(folder: Path) -> None:
    """Point the package's absolute links (/usr/share/…) at the same place under `folder`."""
    for parent, folders, files in os.walk(folder):
        for name in folders + files:
            path = Path(parent, name)
            if path.is_symlink() and path.readlink().is_absolute():
                inside = folder / path.readlink().relative_to("/")
                if inside.exists():
                    path.unlink()
                    path.symlink_to(os.path.relpath(inside, path.parent))


# --- Chromium and wkhtmltopdf -----------------------------------------------------------------------------------


def tools_folder() -> Path:
    return cache.root() / "tools-2"


def tool(names: tuple[str, ...]) -> str | None:
    """The path of the first of `names` on PATH or in the cache; None when this machine cannot have it."""
    for name in names:
        found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{tools_folder() / 'bin'}")
        if found:
            return found
    return None


def missing_tools() -> dict[str, str]:
    """Why Chromium or wkhtmltopdf are not there, by name; empty when both are."""
    facts = cache.stamp(tools_folder()) or {}
    return facts.get("missing", {})


def ensure_tools() -> Path:
    """Wrappers in `bin/` for the browser and the PDF writer, unless PATH has them.

    A machine that can have neither still gets a stage; the tests that need them say so and are skipped.
    """
    return cache.ensure(tools_folder(), (), _build_tools)


def _build_tools(folder: Path) -> dict:
    (folder / "bin").mkdir()
    missing = {}
    for name, names in (("chromium", CHROMIUM_NAMES), ("wkhtmltopdf", ("wkhtmltopdf",))):
        if any(shutil.which(candidate) for candidate in names):
            continue
        try:
            _fetch_tool(folder, name)
        except Unavailable as error:
            missing[name] = str(error)
            progress.note(f"{name} is not available; what needs it is skipped. {error}")
    return {"missing": missing}


def _fetch_tool(folder: Path, name: str) -> None:
    packages = apt.Apt(cache.root() / f"apt-{name}", apt.debian_sources(), status="/var/lib/dpkg/status")
    packages.update()
    files = packages.download(packages.missing_for([name]), name)
    prefix = folder / name
    prefix.mkdir()
    apt.unpack(files, prefix, name)
    _root_links(prefix)
    shutil.rmtree(packages.folder)
    _write_wrapper(folder, name)


def _write_wrapper(folder: Path, name: str) -> None:
    prefix = folder / name
    programs = [prefix / "usr/lib" / name / name, prefix / "usr/bin" / name]
    program = next((path for path in programs if path.is_file()), None)
    if program is None:
        raise Unavailable(
            f"The Debian package of {name} has no program where it used to be; install {name} yourself."
        )
    libraries = sorted({str(path.parent) for path in prefix.rglob("*.so*")})
    wrapper = folder / "bin" / name
    wrapper.write_text(
        "#!/bin/sh\n"
        f"export LD_LIBRARY_PATH={shlex.quote(':'.join(libraries))}\n"
        f"export QT_PLUGIN_PATH={shlex.quote(':'.join(str(path) for path in prefix.rglob('qt5/plugins')))}\n"
        f"export FONTCONFIG_FILE={shlex.quote(str(_font_config(prefix)))}\n"
        f'exec {shlex.quote(str(program))} "$@"\n'
    )
    wrapper.chmod(0o755)
    trial = {"chromium": ["--version"], "wkhtmltopdf": ["--quiet", str(_trial_page(folder)), "/dev/null"]}[
        name
    ]
    tried = subprocess.run([str(wrapper), *trial], capture_output=True, text=True)
    if tried.returncode:
        raise Unavailable(
            f"{name} was fetched but does not start ({tried.stderr.strip()[-200:]}); install it yourself."
        )


def _trial_page(folder: Path) -> Path:
    page = folder / "trial.html"
    page.write_text("<p>trial</p>")
    return page


def _font_config(prefix: Path) -> Path:
    """Fonts and rules of the machine and of `prefix` together; a bare machine has none."""
    path = prefix / "fonts.conf"
    rules = "".join(
        f'<include ignore_missing="yes">{root}etc/fonts/conf.d</include>' for root in ("/", f"{prefix}/")
    )
    fonts = "".join(f"<dir>{root}usr/share/fonts</dir>" for root in ("/", f"{prefix}/"))
    path.write_text(
        '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd"><fontconfig>'
        f'{fonts}<dir prefix="xdg">fonts</dir>{rules}<cachedir prefix="xdg">fontconfig</cachedir></fontconfig>\n'
    )
    return path
