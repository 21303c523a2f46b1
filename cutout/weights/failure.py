"""What a source raises when it cannot deliver; the next source is tried then."""


class FetchFailed(Exception):
    """The text says why, in words that fit into the list of what was tried."""
