"""Training of U²-Net on one's own pairs of image and mask; torch is imported in this package only.

The service never imports it; `requirements-train.txt` installs what it needs.
"""
