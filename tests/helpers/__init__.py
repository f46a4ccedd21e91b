"""What several tests share: making sets, starting programs, damaging files."""
