"""Trimap from a matte, alpha solved in the band around the edge, true foreground colours."""
