"""Training steps against a bare loop, the common style and the machine's limit, by turns in one run."""
