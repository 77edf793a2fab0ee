"""The vocabulary of the Open Inference Protocol, without I/O: requests and responses of tensors."""
