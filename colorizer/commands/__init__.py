"""The seven programs; `launch/` starts them in a clone."""
