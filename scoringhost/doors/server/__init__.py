"""The server of `scoringhost serve`: gunicorn's master, our workers, HTTP/1.1."""
