"""Rows of CSV, JSON lines and Parquet: read once, for `scoringhost batch` and for the files of jobs on Functions."""
