"""Every held-out picture judged: figures, intervals, reports, Table 1."""
