"""`colorizer-colorize`, started from a clone: colour a drawing."""

from colorizer.commands.colorize import main

if __name__ == "__main__":
    main()
