"""What is kept of requests and answers: data collection, the flight recorder, and reading both."""
