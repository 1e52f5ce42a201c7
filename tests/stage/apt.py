"""A private apt: fetch and unpack Debian packages into a folder, signatures checked, the system untouched."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from tests.stage import progress
from tests.stage.errors import StageError, Unavailable

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def debian_sources() -> list[dict[str, str]]:
    """The machine's own Debian archives, as deb822 fields (URIs, Suites, Components, Signed-By).

    Raises StageError when apt is missing or the machine is no Debian.
    """
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise Unavailable(
            "Odoo 19 is fetched with apt, which this machine does not have; check out Odoo 19 yourself and set "
            "ODOO_HOME to that folder."
        )
    found = []
    parts = Path("/etc/apt/sources.list.d")
    for path in sorted(parts.glob("*.sources")) if parts.is_dir() else []:
        found += read_deb822(path.read_text())
    for path in [Path("/etc/apt/sources.list"), *(sorted(parts.glob("*.list")) if parts.is_dir() else [])]:
        if path.is_file():
            found += read_one_line(path.read_text())
    debian = [entry for entry in found if "debian" in (entry["URIs"] + entry["Signed-By"]).lower()]
    if not debian:
        raise Unavailable(
            "This machine's apt knows no Debian archive, where Odoo 19 comes from; check out Odoo 19 yourself and "
            "set ODOO_HOME to that folder."
        )
    return debian


def read_deb822(text: str) -> list[dict[str, str]]:
    """The enabled binary archives of a `.sources` file."""
    entries = []
    for stanza in re.split(r"\n\s*\n", text):
        fields = dict(re.findall(r"^([A-Za-z-]+):[ \t]*(.*)$", stanza, re.M))
        if (
            "deb" in fields.get("Types", "").split()
            and fields.get("Enabled", "yes") != "no"
            and "URIs" in fields
        ):
            entries.append(
                {
                    "URIs": fields["URIs"],
                    "Suites": fields.get("Suites", ""),
                    "Components": fields.get("Components", "main"),
                    "Signed-By": fields.get("Signed-By") or KEYRING,
                }
            )
    return entries


def read_one_line(text: str) -> list[dict[str, str]]:
    """The binary archives of a `sources.list`."""
    entries = []
    for options, uri, suite, components in re.findall(
        r"^deb\s+(\[[^]]*])?\s*(\S+)\s+(\S+)\s+(.+)$", text, re.M
    ):
        signed_by = re.search(r"signed-by=([^\s\]]+)", options)
        entries.append(
            {
                "URIs": uri,
                "Suites": suite,
                "Components": components,
                "Signed-By": signed_by.group(1) if signed_by else KEYRING,
            }
        )
    return entries


def main_archive(sources: list[dict[str, str]]) -> dict[str, str]:
    """The archive that carries the distribution itself, not its security or update suites."""
    for entry in sources:
        if "security" not in entry["URIs"] + entry["Suites"]:
            return entry
    return sources[0]


class Apt:
    """apt-get with its own sources, lists and downloads under `folder`.

    `status` is the list of packages counted as installed: /dev/null for none, the machine's own for
    “fetch only what this machine lacks”.
    """

    def __init__(self, folder: Path, sources: list[dict[str, str]], status: str = "/dev/null") -> None:
        self.folder = folder
        self.archives = folder / "cache" / "archives"
        for part in ("sources", "lists/partial", "cache/archives/partial"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        stanzas = ["\n".join(["Types: deb", *(f"{k}: {v}" for k, v in entry.items())]) for entry in sources]
        (folder / "sources" / "stage.sources").write_text("\n\n".join(stanzas) + "\n")
        options = {
            "Dir::Etc::SourceList": "/dev/null",
            "Dir::Etc::SourceParts": folder / "sources",
            "Dir::Etc::Preferences": "/dev/null",
            "Dir::Etc::PreferencesParts": "/dev/null",
            "Dir::State::Lists": folder / "lists",
            "Dir::State::status": status,
            "Dir::Cache": folder / "cache",
            "APT::Sandbox::User": "root",
            "APT::Update::Error-Mode": "any",
            "APT::Update::Post-Invoke-Success": "",
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
        }
        self.options = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]

    def update(self) -> None:
        with progress.step("Reading the Debian package lists"):
            self._run("apt-get", "update")

    def download(self, packages: list[str], title: str) -> list[Path]:
        """Fetch `packages` (each `name` or `name/suite`), checked against the signed lists; return the files."""
        sizes = [
            int(size)
            for size in re.findall(
                r"^'\S+' \S+ (\d+)", self._run("apt-get", "--print-uris", "download", *packages), re.M
            )
        ]
        for leftover in self.archives.glob("*.deb*"):
            leftover.unlink()
        with progress.step(f"Downloading {title} ({sum(sizes) / 1e6:.0f} MB)", total=sum(sizes)) as current:
            process = subprocess.Popen(
                ["apt-get", *self.options, "download", *packages],
                cwd=self.archives,
                env=self._environment(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            while process.poll() is None:
                current.done = sum(map(_size, self.archives.glob("*.deb*")))
                time.sleep(0.2)
            self._check(process.returncode, process.stdout.read())
        return sorted(self.archives.glob("*.deb"))

    def missing_for(self, packages: list[str]) -> list[str]:
        """`packages` and their dependencies, less what counts as installed, as `name=version`.

        Raises Unavailable when this Debian release does not have them.
        """
        done = self._start("apt-get", "--no-install-recommends", "--simulate", "install", *packages)
        if done.returncode:
            raise Unavailable(f"This machine's Debian release cannot supply it: {_reason(done.stdout)}.")
        return [
            f"{name}={version}"
            for name, version in re.findall(r"^Inst (\S+) (?:\[\S+\] )?\((\S+)", done.stdout, re.M)
        ]

    def _run(self, tool: str, *arguments: str) -> str:
        done = self._start(tool, *arguments)
        self._check(done.returncode, done.stdout)
        return done.stdout

    def _start(self, tool: str, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [tool, *self.options, *arguments],
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}

    def _check(self, returncode: int, output: str) -> None:
        if returncode == 0:
            return
        if "No space left" in output:
            raise StageError(f"The disk under {self.folder} is full; free some space and run again.")
        raise StageError(
            f"apt could not fetch the Debian packages ({_reason(output)}); check the network and run again, or set "
            "ODOO_HOME to an Odoo 19 source checkout."
        )


def _size(path: Path) -> int:
    """Bytes of a file that apt may rename any moment."""
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def _reason(output: str) -> str:
    """The first error apt names, else its last line."""
    lines = output.strip().splitlines()
    errors = [line.removeprefix("E:").strip() for line in lines if line.startswith("E:")]
    return (errors or lines[-1:] or ["no message"])[0]


def unpack(files: list[Path], folder: Path, title: str) -> None:
    """Unpack .deb `files` into `folder`."""
    total = sum(path.stat().st_size for path in files)
    with progress.step(f"Unpacking {title}", total=total) as current:
        for path in files:
            current.detail = path.name.split("_")[0]
            done = subprocess.run(["dpkg-deb", "-x", str(path), str(folder)], capture_output=True, text=True)
            if done.returncode:
                raise StageError(
                    f"{path.name} could not be unpacked ({done.stderr.strip()[-200:]}); run again."
                )
            current.done += path.stat().st_size
