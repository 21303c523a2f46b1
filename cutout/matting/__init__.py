"""Trimap from a matte, alpha solved in its unknown band, foreground colours of soft edges."""
