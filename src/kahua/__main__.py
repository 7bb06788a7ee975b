"""Run Kahua's command line as ``python -m kahua``."""

from kahua.cli import main

if __name__ == "__main__":
    main()
