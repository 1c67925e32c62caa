"""gRPC over HTTP/2 on the event loop itself: a server that takes the same handlers as grpc.aio's, without C-core."""
