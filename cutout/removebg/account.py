"""The balance that `GET /v1.0/account` answers: nothing is charged, so it never ends."""

CREDITS = 1_000_000


def account() -> dict[str, object]:
    """Return the account as clients know it.

    Exactly these members: the official Ruby client takes them as keyword arguments and fails on
    one more or one less. Several programs stop at a `total` of 0; ones that see free calls left
    spend those first, on previews.
    """
    credits = {"total": CREDITS, "subscription": 0, "payg": CREDITS, "enterprise": 0}
    api = {"free_calls": 0, "sizes": "all"}
    return {"data": {"attributes": {"credits": credits, "api": api}}}
