"""Health check of the container: exit status 0 while the service accepts images.

Standard library only. CUTOUT_PORT names the port, as for the service.
"""

import os
import sys
import urllib.error
import urllib.request

TIMEOUT_S = 4


def main() -> int:
    """Ask /readyz on this machine; 1 when it is not ready or does not answer."""
    url = f"http://127.0.0.1:{os.environ.get('CUTOUT_PORT', '5000')}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
            return 0 if answer.status == 200 else 1
    except (urllib.error.URLError, TimeoutError) as error:
        print(f"not ready: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
