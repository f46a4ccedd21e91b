"""`colorizer-extract`, started from a clone: draw the lines of colour pictures."""

from colorizer.commands.extract import main

if __name__ == "__main__":
    main()
