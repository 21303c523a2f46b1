"""The page at `/`: one template and plain ES modules; it uses the same endpoints as any client."""

from cutout.web.page import PageSettings, make_blueprint

__all__ = ["PageSettings", "make_blueprint"]
