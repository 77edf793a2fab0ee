"""The Open Inference Protocol over gRPC, grpc.health.v1 and server reflection: messages, without I/O."""
