"""Turns between clients."""

from cutout.fair_queue import FairQueue


def test_clients_take_turns_and_each_keeps_its_order():
    queue = FairQueue()
    for client, item in [("a", 1), ("a", 2), ("a", 3), ("b", 4), ("c", 5), ("b", 6)]:
        queue.add(client, item)
    assert [queue.take()[1] for _ in range(6)] == [1, 4, 5, 2, 6, 3]
    assert queue.take() is None


def test_the_next_item_stays_until_it_is_taken():
    queue = FairQueue()
    assert queue.next() is None
    queue.add("a", 1)
    assert (queue.next(), queue.take(), len(queue)) == (1, ("a", 1), 0)


def test_a_client_that_may_not_is_passed_over():
    queue = FairQueue()
    queue.add("a", 1)
    queue.add("b", 2)
    assert queue.take(lambda client: client != "a") == ("b", 2)
    assert queue.take(lambda client: client != "a") is None


def test_what_is_removed_is_never_given():
    queue = FairQueue()
    queue.add("a", 1)
    queue.add("a", 2)
    queue.remove("a", 1)
    assert [item for _, item in queue] == [2]
    queue.remove("a", 2)
    assert queue.next() is None
