"""Rows of CSV, JSON lines and Parquet."""
