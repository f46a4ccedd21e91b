"""The nine programs; `launch/` starts them in a clone."""

import sys

if sys.platform == "win32":  # torch's processes, file locks and signals are other ones there
    sys.exit("error: this program runs on Linux and macOS; on Windows, install and run it in WSL2.")
