"""Import what a script names before the process is locked, and find what must stay readable for it."""

import importlib
import importlib.util
import os
import sys
import time
from collections.abc import Iterable

_LAZY = {
    "datetime": ("_strptime",),
    "time": ("_strptime",),
    "pydantic": ("annotated_types", "importlib.metadata", "pydantic._internal._validators"),
}
"""What modules import only when it is first needed; imported early, not every child has to."""
_TIME_ZONES = "/usr/share/zoneinfo"
_FOREIGN_FOLDERS = ("site-packages", "dist-packages")


def import_modules(names: Iterable[str], required: Iterable[str]) -> str:
    """Import modules; give a sentence when a required one is missing or fails, else an empty text."""
    time.tzset()
    faults: dict[str, str] = {}
    for name in names:
        for one in (name, *_LAZY.get(name, ())):
            try:
                _import(one)
            except Exception as error:  # noqa: BLE001 - a library may fail in any way when it is imported
                faults[name.split(".")[0]] = f"{type(error).__name__}: {error}"[:200]
    for name in required:
        if name not in sys.modules and importlib.util.find_spec(name) is None:
            return f"it imports {name!r}, which is not installed; install it or change the script"
        if name in faults:
            return f"importing {name!r} fails ({faults[name]}); change the script"
    return ""


def _import(name: str) -> None:
    """Import a module, or of a module that is none what the name stands for: some load that when asked."""
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        package, _, attribute = name.rpartition(".")
        if not package or error.name != name:
            raise
        getattr(importlib.import_module(package), attribute, None)


def list_readable(standard: Iterable[str], modules: Iterable[str]) -> list[str]:
    """List what must stay readable: the standard library, and the packages of these modules."""
    readable = [
        entry.path
        for folder in standard
        if os.path.isdir(folder)
        for entry in os.scandir(folder)
        if entry.name not in _FOREIGN_FOLDERS
    ]
    packages = {place for name in modules for place in _find_places(name.split(".")[0])}
    return [*readable, *sorted(packages), _TIME_ZONES]


def _find_places(package: str) -> list[str]:
    """Give the folder or file of a top-level module, and the folder of shared libraries that wheels bring."""
    module = sys.modules.get(package)
    paths = [str(path) for path in getattr(module, "__path__", ())]
    if not paths:
        file = getattr(module, "__file__", None)
        return [str(file)] if file else []
    return [*paths, *(os.path.join(os.path.dirname(path), f"{package}.libs") for path in paths)]
