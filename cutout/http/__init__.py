"""What all HTTP endpoints share: reading requests, errors as problems, headers."""
