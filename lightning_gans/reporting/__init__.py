"""Tables of results from runs' own files; nothing here loads torch."""
