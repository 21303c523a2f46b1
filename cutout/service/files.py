"""The image files of one request, checked by their headers before any of them is decoded."""

from dataclasses import dataclass

from cutout.compose.geometry import Margin
from cutout.images import InspectedFile, Limits, inspect
from cutout.service.costs import Inputs
from cutout.service.requests import RemovalRequest


@dataclass(frozen=True)
class InspectedFiles:
    """levels: trimap, keep, erase and true mask, in this order, as far as they came."""

    image: InspectedFile
    levels: tuple[InspectedFile, ...]
    background: InspectedFile | None

    def headers(self, margin: Margin | None = None) -> Inputs:
        """What the costs are estimated from."""
        background = self.background.header if self.background else None
        levels = tuple(file.header for file in self.levels)
        return Inputs(self.image.header, levels, background, margin)


def inspect_files(request: RemovalRequest, mask: bytes, limits: Limits) -> InspectedFiles:
    """Raise what `images.inspect` does, for the first file that is refused. mask: b"" for none."""
    levels = (*request.levels(), mask) if mask else request.levels()
    return InspectedFiles(
        inspect(request.data, limits),
        tuple(inspect(data, limits) for data in levels),
        inspect(request.background, limits) if request.background else None,
    )
