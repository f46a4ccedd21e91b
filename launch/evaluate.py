"""`colorizer-evaluate`, started from a clone: judge a colorizer on held-out pictures."""

from colorizer.commands.evaluate import main

if __name__ == "__main__":
    main()
