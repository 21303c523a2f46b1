"""The memory for scores."""

from cutout.cache import Cache


def test_what_was_put_is_found_until_room_is_needed():
    cache = Cache(100)
    cache.put("a", 1, 60)
    cache.put("b", 2, 40)
    assert (cache.get("a"), cache.get("b")) == (1, 2)
    cache.put("c", 3, 30)
    assert cache.get("a") is None
    assert (cache.get("b"), cache.get("c"), cache.bytes) == (2, 3, 70)


def test_use_keeps_a_value_alive():
    cache = Cache(100)
    cache.put("a", 1, 50)
    cache.put("b", 2, 50)
    cache.get("a")
    cache.put("c", 3, 50)
    assert (cache.get("a"), cache.get("b")) == (1, None)


def test_the_same_key_is_counted_once():
    cache = Cache(100)
    cache.put("a", 1, 50)
    cache.put("a", 2, 70)
    assert (cache.get("a"), cache.bytes) == (2, 70)


def test_too_large_a_value_is_not_kept_and_throws_nothing_out():
    cache = Cache(100)
    cache.put("a", 1, 50)
    cache.put("b", 2, 101)
    assert (cache.get("a"), cache.get("b")) == (1, None)


def test_no_room_keeps_nothing():
    cache = Cache(0)
    cache.put("a", 1, 1)
    assert cache.get("a") is None
