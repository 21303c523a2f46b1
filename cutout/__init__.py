"""Background removal with U²-Net: everything beside the fixed top-level files."""

__version__ = "0.1.0"
