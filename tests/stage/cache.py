"""The cache folder: where it is, who may write to it, and which of its parts are complete."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.stage import progress
from tests.stage.errors import StageError

STAMP = ".complete.json"


def root() -> Path:
    """The cache folder: `ODOO_DUNNING_CACHE`, else `odoo-dunning` in the user's cache folder."""
    chosen = os.environ.get("ODOO_DUNNING_CACHE")
    if chosen:
        return Path(chosen).expanduser().resolve()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "odoo-dunning"


def stamp(folder: Path) -> dict | None:
    """What was recorded when `folder` was completed; None when it never was."""
    try:
        return json.loads((folder / STAMP).read_text())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


def is_complete(folder: Path, witnesses: tuple[str, ...]) -> bool:
    """Whether `folder` was completed and the files that prove it are still there."""
    return stamp(folder) is not None and all((folder / witness).exists() for witness in witnesses)


def ensure(folder: Path, witnesses: tuple[str, ...], build: Callable[[Path], dict]) -> Path:
    """Return `folder`, built by `build(folder)` unless it is complete already.

    The stamp is written last, so whatever an interrupted build left behind is noticed and redone.
    `build` returns the facts to keep in the stamp.
    """
    if is_complete(folder, witnesses):
        return folder
    if folder.exists():
        progress.note(f"{folder.name} is incomplete (an interrupted run?); building it again")
        shutil.rmtree(folder)
    with clear_disk_errors(folder):
        folder.mkdir(parents=True)
        facts = build(folder)
        missing = [witness for witness in witnesses if not (folder / witness).exists()]
        if missing:
            raise StageError(
                f"{folder.name} was built but lacks {missing[0]}; remove {folder} and run again."
            )
        unfinished = folder / (STAMP + ".new")
        unfinished.write_text(json.dumps(facts))
        unfinished.rename(folder / STAMP)
    return folder


@contextlib.contextmanager
def clear_disk_errors(folder: Path) -> Iterator[None]:
    """Turn a full or read-only disk into a sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StageError(
                f"The disk under {folder.parent} is full; free some space or set ODOO_DUNNING_CACHE to a folder "
                "on a roomier disk, then run again."
            ) from error
        if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOENT, errno.ENOTDIR):
            raise StageError(
                f"{folder.parent} cannot be written ({error.strerror}); set ODOO_DUNNING_CACHE to a folder of your own."
            ) from error
        raise


def require_free_space(folder: Path, need_gb: float) -> None:
    """Raise before a long download rather than in the middle of it."""
    free_gb = shutil.disk_usage(folder).free / 1e9
    if free_gb < need_gb:
        raise StageError(
            f"{folder} has {free_gb:.1f} GB free and the stage needs about {need_gb:.0f} GB; free some space or set "
            "ODOO_DUNNING_CACHE to a folder on a roomier disk."
        )


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the machine-user-wide lock `name`; wait, saying so, while another process holds it.

    The lock is the kernel's, so a killed process never leaves it behind.
    """
    folder = root()
    with clear_disk_errors(folder / name):
        folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("a+") as handle:
        _wait_for(handle, name)
        handle.seek(0)
        handle.truncate()
        handle.write(str(os.getpid()))
        handle.flush()
        yield


def _wait_for(handle, name: str) -> None:
    patience_ends = time.monotonic() + 1
    told = False
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if not told and time.monotonic() > patience_ends:
                handle.seek(0)
                progress.note(f"waiting: process {handle.read() or '?'} is busy with “{name}”")
                told = True
            time.sleep(0.2)
