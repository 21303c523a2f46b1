"""The error of one download source; the next source is tried then."""


class FetchFailed(Exception):
    """A source did not deliver the file; the text, a clause, says why."""
