"""The machine: processes, terminal, disk, memory, devices."""
