"""The command line: one file a noun, and the only place that prints."""


def main() -> None:
    """Run the command line, and say errors in a sentence."""
    from kahua.cli.application import run  # late: the site's own processes import this package and need no commands

    run()
