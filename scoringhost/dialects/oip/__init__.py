"""The Open Inference Protocol ("V2"): a service as its model, and what is said of it over REST."""
