"""The Kafka door: inference requests from one topic, their answers to another, at least once."""
