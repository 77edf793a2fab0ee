"""The gRPC door of a worker, on a port, a thread and an event loop of its own."""
