"""launch/train.py as one of several processes that share one GPU.

They meet over gloo, as NCCL refuses a GPU to two processes.
"""

import os
import runpy
from pathlib import Path

import torch
from accelerate import PartialState

os.environ["LOCAL_RANK"] = "0"  # the GPU of all
PartialState(cpu=not torch.cuda.is_available(), backend="gloo")
SCRIPT = Path(__file__).resolve().parents[1] / "launch" / "train.py"
runpy.run_path(str(SCRIPT), run_name="__main__")
