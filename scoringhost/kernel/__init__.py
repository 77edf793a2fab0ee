"""What an entry script is and what one call of it does. No I/O but the script's own."""
