"""The standard services beside health: reflection (v1 and v1alpha) and channelz."""

from collections.abc import Iterable

import grpc
import grpc.aio
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pool import DescriptorPool

# Imported for their descriptors: reflection serves them, so that grpcurl can print the details of an error.
from google.rpc import error_details_pb2, status_pb2  # noqa: F401
from grpc_channelz.v1 import channelz
from grpc_health.v1 import health
from grpc_reflection.v1alpha import reflection, reflection_pb2

_REFLECTION_V1 = "grpc.reflection.v1.ServerReflection"


class _MethodsToo:
    """The descriptor pool, which also finds the file of a method: grpcurl describes methods, the pool knows types."""

    def __init__(self, pool: DescriptorPool) -> None:
        self._pool = pool

    def FindFileContainingSymbol(self, symbol: str) -> FileDescriptor:  # noqa: N802 - the pool's own name
        try:
            return self._pool.FindFileContainingSymbol(symbol)
        except KeyError:
            service, _, method = symbol.rpartition(".")
            if method not in self._pool.FindServiceByName(service).methods_by_name:
                raise
            return self._pool.FindFileContainingSymbol(service)

    def __getattr__(self, name: str) -> object:
        return getattr(self._pool, name)


def add_reflection(server: grpc.aio.Server, services: Iterable[str]) -> None:
    """Serves the contract to tools, under the old name and the new one: their messages are the same on the wire."""
    names = (*services, health.SERVICE_NAME, reflection.SERVICE_NAME, _REFLECTION_V1)
    servicer = reflection.aio.ReflectionServicer(names, pool=_MethodsToo(descriptor_pool.Default()))
    handler = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers(
        grpc.method_handlers_generic_handler(name, {"ServerReflectionInfo": handler})
        for name in (reflection.SERVICE_NAME, _REFLECTION_V1)
    )


def add_channelz(server: grpc.aio.Server) -> None:
    """Serves grpcio's own view of its channels and sockets."""
    channelz.add_channelz_servicer(server)
