"""uploads/ and results/: unguessable names, atomic writes, expiry, quota.

An image's files share one id: `uploads/<id>.<type>`, `results/<id>.<type>` and the record
`results/<id>.json`. The record is written last, so a result exists when its record does.
"""

from cutout.storage.names import SUFFIXES
from cutout.storage.store import Storage, Stored

__all__ = ["SUFFIXES", "Storage", "Stored"]
