"""The eight programs; `launch/` starts them in a clone."""
