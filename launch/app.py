"""`colorizer-app`, started from a clone: a page to colour drawings on."""

from colorizer.commands.app import main

if __name__ == "__main__":
    main()
