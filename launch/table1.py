"""`colorizer-table1`, started from a clone: the paper's Table 1 on your data."""

from colorizer.commands.table1 import main

if __name__ == "__main__":
    main()
