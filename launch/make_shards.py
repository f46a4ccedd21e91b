"""`colorizer-make-shards`, started from a clone: pictures into training shards."""

from colorizer.commands.make_shards import main

if __name__ == "__main__":
    main()
