"""Options of ours that an operator sets for all clients of the dialect, which cannot send them."""

from pydantic import ValidationError

from cutout.errors import ConfigurationError, InvalidValue
from cutout.options import Options
from cutout.pipeline import check_options
from cutout.pipeline.plan import REMOVAL_ONLY

# Those that decide about the matte; everything else is decided by what the client sends.
ALLOWED = (*REMOVAL_ONLY, "softness", "matting_iterations", "decontaminate", "below")


def parse_options(text: str) -> dict[str, object]:
    """`matting=closed-form edges=snap` as options by name. Raises ConfigurationError.

    A client expects an error where no subject is found: that is the default here.
    """
    words = text.replace(",", " ").split()
    if bare := [word for word in words if not word.partition("=")[2]]:
        raise ConfigurationError(f"CUTOUT_REMOVEBG_OPTIONS: {bare[0]!r} has no value.")
    pairs = dict(word.partition("=")[::2] for word in words)
    if unknown := sorted(pairs.keys() - set(ALLOWED)):
        raise ConfigurationError(
            f"CUTOUT_REMOVEBG_OPTIONS knows no {unknown[0]!r}; it knows {', '.join(ALLOWED)}."
        )
    try:
        options = Options.model_validate({"on_no_subject": "error", **pairs})
        check_options(options)
    except ValidationError as error:
        item = error.errors()[0]
        name = ".".join(map(str, item["loc"]))
        raise ConfigurationError(f"CUTOUT_REMOVEBG_OPTIONS: {name}: {item['msg']}.") from None
    except InvalidValue as error:
        raise ConfigurationError(f"CUTOUT_REMOVEBG_OPTIONS: {error.detail}") from None
    return options.model_dump(include={"on_no_subject", *pairs})
