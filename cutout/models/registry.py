"""The models that one process serves, by name; the first is the default."""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

from cutout.errors import InvalidValue

Loaded = TypeVar("Loaded")


class Registry(Generic[Loaded]):
    """Loads each model once, when it is first asked for. `get` may be called from any thread."""

    def __init__(self, names: Sequence[str], load: Callable[[str], Loaded]) -> None:
        """names: at least one, the default first. load: gives what belongs to a name."""
        self.names, self._load = tuple(dict.fromkeys(names)), load
        self._loaded: dict[str, Loaded] = {}
        self._lock = threading.RLock()

    @property
    def default(self) -> Loaded:
        """The first model."""
        return self.get("")

    def get(self, name: str) -> Loaded:
        """The model of this name; "" is the default. Raises InvalidValue for one not served."""
        name = name or self.names[0]
        if name not in self.names:
            raise InvalidValue(
                f"The model {name[:60]!r} is not served here; choose {', '.join(self.names)}.",
                field="model",
                allowed=list(self.names),
            )
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = self._load(name)
            return self._loaded[name]

    def load_all(self) -> dict[str, Loaded]:
        """Every model by its name, in order; those not yet loaded are loaded now."""
        return {name: self.get(name) for name in self.names}

    def __iter__(self) -> Iterator[Loaded]:
        """The models that are loaded."""
        with self._lock:
            return iter([self._loaded[name] for name in self.names if name in self._loaded])
