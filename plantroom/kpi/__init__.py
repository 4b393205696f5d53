"""The service standard's figures (K-1 to K-5) over record rows: pure functions of rows, period and the instant up to which is counted."""
