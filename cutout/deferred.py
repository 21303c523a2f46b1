"""Functions of large packages that are imported when they are called, not when they are named.

For a library that imports at its top what only some of its users call: while `deferred` is active
its `from package.module import function` finds a small function that imports the package later.
"""

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from cutout.errors import MissingPackage


@contextmanager
def deferred(functions: Mapping[str, Sequence[str]], needed_for: str) -> Iterator[None]:
    """Let imports of these functions within the block succeed without importing their packages.

    functions: module -> names of its functions. A deferred function imports its module at the
    first call; where that is not installed it raises MissingPackage, which says what it is
    `needed_for`. Packages that are imported already stay what they are.
    """
    substitutes = {
        name: module
        for module_name, names in functions.items()
        if sys.modules.get(module_name.partition(".")[0]) is None
        for name, module in _substitutes(module_name, names, needed_for).items()
    }
    before = {name: sys.modules[name] for name in substitutes if name in sys.modules}
    sys.modules.update(substitutes)
    try:
        yield
    finally:
        for name in substitutes:
            del sys.modules[name]
        sys.modules.update(before)


def _substitutes(module_name: str, names: Sequence[str], needed_for: str) -> dict[str, ModuleType]:
    """The module with its deferred functions, and the packages around it, empty."""
    parts = module_name.split(".")
    packages = [".".join(parts[: count + 1]) for count in range(len(parts))]
    modules = {name: ModuleType(name) for name in packages}
    for name in names:
        setattr(modules[module_name], name, _call_later(module_name, name, needed_for))
    return modules


def _call_later(module_name: str, name: str, needed_for: str) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        return getattr(import_package(module_name, needed_for), name)(*args, **kwargs)

    call.__name__ = call.__qualname__ = name
    return call


def import_package(module_name: str, needed_for: str, install: str = "") -> ModuleType:
    """Import a module of a package that not every installation has; see `require_package`."""
    require_package(module_name.partition(".")[0], needed_for, install)
    return importlib.import_module(module_name)


def require_package(package: str, needed_for: str, install: str = "") -> None:
    """Raise MissingPackage where a package is not installed; nothing is imported.

    needed_for: what cannot be done without it. install: arguments of `pip install`, by default the
    package's name.
    """
    if importlib.util.find_spec(package) is None:
        raise MissingPackage(
            f"{needed_for} needs the package {package}, which is not installed: "
            f"pip install {install or package}",
            package=package,
        )
