"""`python -m cutout`: the command line."""

from cutout.cli.console import make_console
from cutout.server import launch


def main() -> None:
    """Run the command named by the arguments."""
    make_console(serve=launch.main)()


if __name__ == "__main__":
    main()
