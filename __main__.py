"""Let `python -m lucy` do what the command `lucy` does."""

from lucy.ui.app import main

if __name__ == "__main__":
    main()
