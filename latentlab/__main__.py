"""``python -m latentlab`` is the ``latentlab`` command."""

from latentlab.cli import main

if __name__ == "__main__":
    main()
