"""All systems, found by looking: every file of this folder that defines some."""

import importlib
import inspect
import pkgutil
from functools import cache

from simulations import systems
from simulations.systems.system import System


@cache
def registered() -> dict[str, type[System]]:
    """Every system by its name, in alphabetical order."""
    found = {}
    for one in pkgutil.iter_modules(systems.__path__, f"{systems.__name__}."):
        module = importlib.import_module(one.name)
        for name, kind in vars(module).items():
            if _is_system(kind) and kind.__module__ == module.__name__:
                found[name] = kind
    return dict(sorted(found.items()))


def _is_system(kind: object) -> bool:
    """Whether it is a system that says what it is about, as a base class does not."""
    return inspect.isclass(kind) and issubclass(kind, System) and hasattr(kind, "about")
