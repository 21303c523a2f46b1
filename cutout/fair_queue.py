"""A queue in which clients take turns, so that one that sends much keeps nobody waiting."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")


def everybody(_client: str) -> bool:
    return True


class FairQueue(Generic[Item]):
    """First in, first out for each client; between clients, one of each in turn.

    Not safe for several threads at once.
    """

    def __init__(self) -> None:
        self._queues: OrderedDict[str, deque[Item]] = OrderedDict()

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    def __iter__(self) -> Iterator[tuple[str, Item]]:
        return iter([(client, item) for client, queue in self._queues.items() for item in queue])

    def add(self, client: str, item: Item) -> None:
        self._queues.setdefault(client, deque()).append(item)

    def next(self) -> Item | None:
        """The item whose turn it is, which stays; None from an empty queue."""
        return next((queue[0] for queue in self._queues.values()), None)

    def take(self, allowed: Callable[[str], bool] = everybody) -> tuple[str, Item] | None:
        """Remove and give the next item of an allowed client; None where there is none."""
        for client, queue in self._queues.items():
            if allowed(client):
                item = queue.popleft()
                self._queues.move_to_end(client)
                if not queue:
                    del self._queues[client]
                return client, item
        return None

    def remove(self, client: str, item: Item) -> None:
        """Remove an item that waits no longer."""
        queue = self._queues[client]
        queue.remove(item)
        if not queue:
            del self._queues[client]
