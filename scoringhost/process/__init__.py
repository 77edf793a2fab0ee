"""What a process may use and what it takes."""
