"""`colorizer-checkpoint`, started from a clone: inspect, verify, export or import a checkpoint."""

from colorizer.commands.checkpoint import main

if __name__ == "__main__":
    main()
