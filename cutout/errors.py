"""Failures a caller can act on; each class knows its HTTP status and its stable code word.

The text of an error is for people: it names what is wrong and what to do, and never a path,
a stack trace or another internal detail.
"""


class CutoutError(Exception):
    """Base of every expected failure. `detail` is the sentence shown to the caller."""

    status, code, title = 500, "internal", "Internal error"
    retry_after: int | None = None

    def __init__(self, detail: str = "", **extra: object) -> None:
        """Keep `detail` and any machine-readable members (`field`, `allowed`, sizes)."""
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.extra = extra


class InvalidRequest(CutoutError):
    status, code, title = 400, "invalid_request", "The request is not understood"


class MalformedRequest(InvalidRequest):
    """Not HTTP: a broken head, or a broken chunk of a body."""

    code, title = "malformed_request", "The request is malformed"


class MissingField(InvalidRequest):
    code, title = "missing_field", "A required field is missing"


class UnknownField(InvalidRequest):
    code, title = "unknown_field", "A field is not known"


class InvalidValue(InvalidRequest):
    code, title = "invalid_value", "A value is not allowed"


class EmptyFile(InvalidRequest):
    code, title = "empty_file", "The file is empty"


class SizeMismatch(InvalidRequest):
    code, title = "size_mismatch", "Image and mask differ in size"


class DownloadFailed(InvalidRequest):
    """The image behind a URL did not arrive: no answer, not 200, too slow, cut short."""

    code, title = "download_failed", "The image could not be downloaded"


class DownloadForbidden(InvalidRequest):
    """A URL that this service does not open, whatever stands behind it."""

    code, title = "download_forbidden", "This URL may not be downloaded"


class KeyRequired(CutoutError):
    status, code, title = 401, "key_required", "An API key is required"


class KeyInvalid(CutoutError):
    status, code, title = 403, "key_invalid", "The API key is not valid"


class NotFound(CutoutError):
    status, code, title = 404, "not_found", "Nothing is stored under this address"


class BodyTimeout(CutoutError):
    status, code, title = 408, "body_timeout", "The body did not arrive in time"


class HeadTimeout(CutoutError):
    status, code, title = 408, "head_timeout", "The headers did not arrive in time"


class IdempotencyInProgress(CutoutError):
    """The first request with this Idempotency-Key is not answered yet; ask again."""

    status, code, title = 409, "idempotency_in_progress", "The first request is not answered yet"
    retry_after = 2


class TooManyBytes(CutoutError):
    status, code, title = 413, "too_many_bytes", "The body is too large"


class UriTooLong(CutoutError):
    status, code, title = 414, "uri_too_long", "The address is too long"


class UnsupportedType(CutoutError):
    """Judged by the file's content; its name and declared type are ignored."""

    status, code, title = 415, "unsupported_type", "Not an allowed image type"


class ExpectationFailed(CutoutError):
    status, code, title = 417, "expectation_failed", "The expectation cannot be met"


class UnknownHost(CutoutError):
    """The Host header names another host than those that this service is reached by."""

    status, code, title = 421, "unknown_host", "This host is not served here"


class UndecodableImage(CutoutError):
    status, code, title = 422, "undecodable_image", "The image cannot be decoded"


class TooManyPixels(CutoutError):
    status, code, title = 422, "too_many_pixels", "The image has too many pixels"


class TooMuchMemory(CutoutError):
    """One request that needs more memory than all requests together may take."""

    status, code, title = 422, "too_much_memory", "The request needs too much memory"


class TooManyFrames(CutoutError):
    """An animation or a file of several pages, where one image is wanted."""

    status, code, title = 422, "too_many_frames", "The file holds several images"


class IdempotencyMismatch(CutoutError):
    """One Idempotency-Key with two different requests."""

    status, code, title = 422, "idempotency_mismatch", "The Idempotency-Key was used before"


class Unsolvable(CutoutError):
    """A matting problem without a solution, for example a trimap without unknown pixels."""

    status, code, title = 422, "unsolvable_matting", "The matte cannot be refined"


class NoSubject(CutoutError):
    """The request asked for an error where no subject is found."""

    status, code, title = 422, "no_subject", "No subject was found in the image"


class LowConfidence(CutoutError):
    """The request asked for an error where the predicted IoU is too low."""

    status, code, title = 422, "low_confidence", "The result is not sure enough"


class RateLimited(CutoutError):
    """The client is over its rate; in `retry_after` seconds its next window begins."""

    status, code, title = 429, "rate_limited", "Too many images in this minute"

    def __init__(self, detail: str, retry_after: int, **extra: object) -> None:
        """Keep the whole seconds that the client shall wait."""
        super().__init__(detail, **extra)
        self.retry_after = retry_after


class HeadTooLarge(CutoutError):
    status, code, title = 431, "head_too_large", "The headers are too large"


class MissingPackage(CutoutError):
    """A part that the service itself does not need, such as the evaluation's, is not installed."""

    status, code, title = 501, "missing_package", "A package is not installed"


class ModelFailed(CutoutError):
    """The model gave no usable map (NaN, Inf, or an error of the runtime)."""

    code, title = "model_failed", "The model failed on this image"


class UnsupportedCoding(CutoutError):
    status, code, title = 501, "unsupported_coding", "The transfer coding is not supported"


class Overloaded(CutoutError):
    """Too many images wait already; try again."""

    status, code, title = 503, "overloaded", "Too many images are waiting"
    retry_after = 2


class NotReady(CutoutError):
    """Starting or draining."""

    status, code, title = 503, "not_ready", "The service is not ready"
    retry_after = 5


class DeadlinePassed(CutoutError):
    status, code, title = 504, "deadline_passed", "The image was not finished in time"


class StorageFull(CutoutError):
    status, code, title = 507, "storage_full", "No room left to store the image"


class StorageFailed(CutoutError):
    """The folder cannot be written: read-only, gone for good, a broken disk."""

    status, code, title = 507, "storage_failed", "The image cannot be stored"


class ConfigurationError(CutoutError):
    """Found at start-up; the service does not start."""

    code, title = "configuration", "The configuration is wrong"


class WeightsUnavailable(ConfigurationError):
    code, title = "weights_unavailable", "The model's weights are not available"


class WeightsCorrupt(WeightsUnavailable):
    code, title = "weights_corrupt", "The model's weights do not match their hash"


class DeviceUnavailable(ConfigurationError):
    """The device asked for is not really active; never answered by a silent fallback."""

    code, title = "device_unavailable", "The device asked for is not available"
