"""Compares a file with the hashes in the table of models."""

from pathlib import Path

from cutout.errors import WeightsCorrupt, WeightsUnavailable
from cutout.files import hash_of
from cutout.models.table import ModelSpec


def verify(path: Path, spec: ModelSpec, *, every_hash: bool = False) -> None:
    """Raise WeightsCorrupt unless the file has the hash in the table.

    On a load one hash is enough, SHA-256 where known: with the processor's own instruction
    u2net takes 0.2 s, MD5 0.7 s. A downloaded file is checked with `every_hash`.
    """
    known = {"sha256": spec.sha256, "md5": spec.md5}
    expected = [(kind, value) for kind, value in known.items() if value]
    for kind, value in expected if every_hash else expected[:1]:
        found = _readable_hash(path, kind)
        if found != value:
            raise WeightsCorrupt(
                f"The file {spec.file_name} is not the published one: its {kind.upper()} is "
                f"{found}, not {value}. Delete it, or name another folder in "
                "CUTOUT_MODELS_DIR, and fetch it again with "
                f"`python -m cutout weights fetch {spec.name}`."
            )


def _readable_hash(path: Path, kind: str) -> str:
    try:
        return hash_of(path, kind)
    except OSError as error:
        raise WeightsUnavailable(
            f"The file {path.name} is there but cannot be read ({error.strerror}). "
            "Let this user read it, or name another folder in CUTOUT_MODELS_DIR."
        ) from error
