"""``python -m dozvon`` is ``dozvon``."""

from dozvon.cli import main

if __name__ == "__main__":
    main()
