"""Errors of the dialect: their codes and titles, and our own errors in its words.

Every answer of 400 or more has the body `{"errors": [{"title", "code", "detail"}]}` with flat
strings: clients read `errors[0].title`, and one joins all values of the first error.
"""

from cutout.errors import CutoutError

# Code: title, as published; where none was published the title follows the published pattern.
TITLES = {
    "missing_source": "No image given",
    "multiple_sources": "Multiple image sources given: Please provide either the image_url, "
    "image_file or image_file_b64 parameter.",
    "multiple_bg_sources": "Multiple background sources given: Please provide either the "
    "bg_color, the bg_image_url or the bg_image_file parameter.",
    "file_too_large": "File too large",
    "invalid_file_type": "Invalid file type",
    "invalid_dimensions": "Failed to read image dimensions",
    "failed_to_read_image": "There was an error reading the image.",
    "resolution_too_high": "Image resolution too high",
    "failed_image_download": "Failed to download image from given image_url",
    "failed_bg_download": "Failed to download background image from given bg_image_url",
    "invalid_image_url": "Invalid image_url: Please provide a valid URL.",
    "invalid_bg_image_url": "Invalid bg_image_url: Please provide a valid URL.",
    "roi_exceeds_bounds": "ROI exceeds image bounds",
    "roi_region_empty": "ROI region is empty",
    "unknown_foreground": "Could not identify foreground in image. For details and "
    "recommendations see the documentation.",
    "invalid_size": "Invalid value for parameter 'size'",
    "invalid_channels": "Invalid value for parameter 'channels'",
    "invalid_type": "Invalid type parameter given",
    "invalid_type_level": "Invalid type_level parameter given",
    "invalid_format": "Invalid format parameter given",
    "invalid_roi": "Invalid roi parameter given",
    "invalid_crop": "Invalid crop parameter given",
    "invalid_crop_margin": "Invalid crop_margin parameter given",
    "invalid_scale": "Invalid scale parameter given",
    "invalid_position": "Invalid position parameter given",
    "invalid_bg_color": "Invalid bg_color parameter given",
    "invalid_add_shadow": "Invalid add_shadow parameter given",
    "invalid_shadow_type": "Invalid shadow_type parameter given",
    "invalid_shadow_opacity": "Invalid shadow_opacity parameter given",
    "invalid_semitransparency": "Invalid semitransparency parameter given",
    "invalid_body": "The request body could not be read",
    "not_found": "Not found",
    "auth_failed": "API Key invalid",
    "rate_limit_exceeded": "Rate limit exceeded",
}
# Our code: the dialect's code and status, where it has words of its own.
OURS = {
    "too_many_bytes": ("file_too_large", 400),
    "unsupported_type": ("invalid_file_type", 400),
    "undecodable_image": ("failed_to_read_image", 400),
    "empty_file": ("failed_to_read_image", 400),
    "too_many_frames": ("failed_to_read_image", 400),
    "too_many_pixels": ("resolution_too_high", 400),
    "no_subject": ("unknown_foreground", 400),
    "low_confidence": ("unknown_foreground", 400),
    "not_found": ("not_found", 404),
}


class DialectError(CutoutError):
    """A refusal in the dialect's own words.

    code: a key of `TITLES`. detail: what is wrong here and what to do. reason: appended to the
    title, which is all that many clients show.
    """

    status = 400

    def __init__(self, code: str, detail: str, reason: str = "") -> None:
        """Keep the code and its title."""
        super().__init__(detail)
        self.code = code
        self.title = f"{TITLES[code]}: {reason}" if reason else TITLES[code]


def invalid(name: str, allowed: str) -> DialectError:
    """Build the refusal of a parameter's value; `allowed` names what it may be."""
    return DialectError(f"invalid_{name}", f"Use {allowed} for {name}.")


def translated(error: CutoutError) -> tuple[int, dict[str, str]]:
    """Status and the one entry of `errors` for any of our errors.

    Errors that the dialect has no words for keep their status and code.
    """
    code, status = OURS.get(error.code, (error.code, error.status))
    title = TITLES[code] if error.code in OURS else error.title
    if error.status in (401, 403):
        code, status = "auth_failed", 403
        title = "Missing API Key" if error.status == 401 else TITLES["auth_failed"]
    elif error.status == 429:
        code, title = "rate_limit_exceeded", TITLES["rate_limit_exceeded"]
    return status, {"title": title, "code": code, "detail": detail_of(error)}


def detail_of(error: CutoutError) -> str:
    """The sentence for people; for an image with too many pixels it names megapixels."""
    pixels, allowed = error.extra.get("pixels"), error.extra.get("allowed")
    if isinstance(pixels, int) and isinstance(allowed, int):
        return (
            f"The image has {pixels / 1e6:.4g} megapixels; at most {allowed / 1e6:g} are allowed."
        )
    return error.detail
