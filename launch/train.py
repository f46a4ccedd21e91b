"""`colorizer-train`, started from a clone: train on shards."""

from colorizer.commands.train import main

if __name__ == "__main__":
    main()
