"""`python -m infinisum`."""

from infinisum.cli.app import main

if __name__ == "__main__":
    main()
