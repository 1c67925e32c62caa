package io.hedgerow.embed.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * EmbedService turns texts into vectors. Errors and trailers are those of hedgerow.chat.v1.ChatService.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class EmbedServiceGrpc {

  private EmbedServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "hedgerow.embed.v1.EmbedService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<io.hedgerow.embed.v1.EmbedRequest,
      io.hedgerow.embed.v1.EmbedResponse> getEmbedMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Embed",
      requestType = io.hedgerow.embed.v1.EmbedRequest.class,
      responseType = io.hedgerow.embed.v1.EmbedResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.hedgerow.embed.v1.EmbedRequest,
      io.hedgerow.embed.v1.EmbedResponse> getEmbedMethod() {
    io.grpc.MethodDescriptor<io.hedgerow.embed.v1.EmbedRequest, io.hedgerow.embed.v1.EmbedResponse> getEmbedMethod;
    if ((getEmbedMethod = EmbedServiceGrpc.getEmbedMethod) == null) {
      synchronized (EmbedServiceGrpc.class) {
        if ((getEmbedMethod = EmbedServiceGrpc.getEmbedMethod) == null) {
          EmbedServiceGrpc.getEmbedMethod = getEmbedMethod =
              io.grpc.MethodDescriptor.<io.hedgerow.embed.v1.EmbedRequest, io.hedgerow.embed.v1.EmbedResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Embed"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.embed.v1.EmbedRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.embed.v1.EmbedResponse.getDefaultInstance()))
              .setSchemaDescriptor(new EmbedServiceMethodDescriptorSupplier("Embed"))
              .build();
        }
      }
    }
    return getEmbedMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.hedgerow.embed.v1.StreamEmbedRequest,
      io.hedgerow.embed.v1.StreamEmbedResponse> getStreamEmbedMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "StreamEmbed",
      requestType = io.hedgerow.embed.v1.StreamEmbedRequest.class,
      responseType = io.hedgerow.embed.v1.StreamEmbedResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.BIDI_STREAMING)
  public static io.grpc.MethodDescriptor<io.hedgerow.embed.v1.StreamEmbedRequest,
      io.hedgerow.embed.v1.StreamEmbedResponse> getStreamEmbedMethod() {
    io.grpc.MethodDescriptor<io.hedgerow.embed.v1.StreamEmbedRequest, io.hedgerow.embed.v1.StreamEmbedResponse> getStreamEmbedMethod;
    if ((getStreamEmbedMethod = EmbedServiceGrpc.getStreamEmbedMethod) == null) {
      synchronized (EmbedServiceGrpc.class) {
        if ((getStreamEmbedMethod = EmbedServiceGrpc.getStreamEmbedMethod) == null) {
          EmbedServiceGrpc.getStreamEmbedMethod = getStreamEmbedMethod =
              io.grpc.MethodDescriptor.<io.hedgerow.embed.v1.StreamEmbedRequest, io.hedgerow.embed.v1.StreamEmbedResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.BIDI_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "StreamEmbed"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.embed.v1.StreamEmbedRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.embed.v1.StreamEmbedResponse.getDefaultInstance()))
              .setSchemaDescriptor(new EmbedServiceMethodDescriptorSupplier("StreamEmbed"))
              .build();
        }
      }
    }
    return getStreamEmbedMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static EmbedServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<EmbedServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<EmbedServiceStub>() {
        @java.lang.Override
        public EmbedServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new EmbedServiceStub(channel, callOptions);
        }
      };
    return EmbedServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static EmbedServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<EmbedServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<EmbedServiceBlockingV2Stub>() {
        @java.lang.Override
        public EmbedServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new EmbedServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return EmbedServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static EmbedServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<EmbedServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<EmbedServiceBlockingStub>() {
        @java.lang.Override
        public EmbedServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new EmbedServiceBlockingStub(channel, callOptions);
        }
      };
    return EmbedServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static EmbedServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<EmbedServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<EmbedServiceFutureStub>() {
        @java.lang.Override
        public EmbedServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new EmbedServiceFutureStub(channel, callOptions);
        }
      };
    return EmbedServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * EmbedService turns texts into vectors. Errors and trailers are those of hedgerow.chat.v1.ChatService.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * Embed answers a batch in one piece, in the order of its inputs, split to the provider's own batch limit. An answer
     * above 4 MiB (the default limit of gRPC clients) is INVALID_ARGUMENT before anything is sent where the dimensions are
     * known: use StreamEmbed. One bad input fails the whole call.
     * </pre>
     */
    default void embed(io.hedgerow.embed.v1.EmbedRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.embed.v1.EmbedResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getEmbedMethod(), responseObserver);
    }

    /**
     * <pre>
     * StreamEmbed embeds any number of inputs. The first message holds `options`, every other one `item`. Answers come in
     * the order of the items; a caller that reads slowly slows the gateway's reading of items and its calls of the
     * provider. One bad item is answered with a status and does not end the stream. A stream without a `completed` message
     * is incomplete.
     * </pre>
     */
    default io.grpc.stub.StreamObserver<io.hedgerow.embed.v1.StreamEmbedRequest> streamEmbed(
        io.grpc.stub.StreamObserver<io.hedgerow.embed.v1.StreamEmbedResponse> responseObserver) {
      return io.grpc.stub.ServerCalls.asyncUnimplementedStreamingCall(getStreamEmbedMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service EmbedService.
   * <pre>
   * EmbedService turns texts into vectors. Errors and trailers are those of hedgerow.chat.v1.ChatService.
   * </pre>
   */
  public static abstract class EmbedServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return EmbedServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service EmbedService.
   * <pre>
   * EmbedService turns texts into vectors. Errors and trailers are those of hedgerow.chat.v1.ChatService.
   * </pre>
   */
  public static final class EmbedServiceStub
      extends io.grpc.stub.AbstractAsyncStub<EmbedServiceStub> {
    private EmbedServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected EmbedServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new EmbedServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * Embed answers a batch in one piece, in the order of its inputs, split to the provider's own batch limit. An answer
     * above 4 MiB (the default limit of gRPC clients) is INVALID_ARGUMENT before anything is sent where the dimensions are
     * known: use StreamEmbed. One bad input fails the whole call.
     * </pre>
     */
    public void embed(io.hedgerow.embed.v1.EmbedRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.embed.v1.EmbedResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getEmbedMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * StreamEmbed embeds any number of inputs. The first message holds `options`, every other one `item`. Answers come in
     * the order of the items; a caller that reads slowly slows the gateway's reading of items and its calls of the
     * provider. One bad item is answered with a status and does not end the stream. A stream without a `completed` message
     * is incomplete.
     * </pre>
     */
    public io.grpc.stub.StreamObserver<io.hedgerow.embed.v1.StreamEmbedRequest> streamEmbed(
        io.grpc.stub.StreamObserver<io.hedgerow.embed.v1.StreamEmbedResponse> responseObserver) {
      return io.grpc.stub.ClientCalls.asyncBidiStreamingCall(
          getChannel().newCall(getStreamEmbedMethod(), getCallOptions()), responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service EmbedService.
   * <pre>
   * EmbedService turns texts into vectors. Errors and trailers are those of hedgerow.chat.v1.ChatService.
   * </pre>
   */
  public static final class EmbedServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<EmbedServiceBlockingV2Stub> {
    private EmbedServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected EmbedServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new EmbedServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * Embed answers a batch in one piece, in the order of its inputs, split to the provider's own batch limit. An answer
     * above 4 MiB (the default limit of gRPC clients) is INVALID_ARGUMENT before anything is sent where the dimensions are
     * known: use StreamEmbed. One bad input fails the whole call.
     * </pre>
     */
    public io.hedgerow.embed.v1.EmbedResponse embed(io.hedgerow.embed.v1.EmbedRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getEmbedMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * StreamEmbed embeds any number of inputs. The first message holds `options`, every other one `item`. Answers come in
     * the order of the items; a caller that reads slowly slows the gateway's reading of items and its calls of the
     * provider. One bad item is answered with a status and does not end the stream. A stream without a `completed` message
     * is incomplete.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<io.hedgerow.embed.v1.StreamEmbedRequest, io.hedgerow.embed.v1.StreamEmbedResponse>
        streamEmbed() {
      return io.grpc.stub.ClientCalls.blockingBidiStreamingCall(
          getChannel(), getStreamEmbedMethod(), getCallOptions());
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service EmbedService.
   * <pre>
   * EmbedService turns texts into vectors. Errors and trailers are those of hedgerow.chat.v1.ChatService.
   * </pre>
   */
  public static final class EmbedServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<EmbedServiceBlockingStub> {
    private EmbedServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected EmbedServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new EmbedServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * Embed answers a batch in one piece, in the order of its inputs, split to the provider's own batch limit. An answer
     * above 4 MiB (the default limit of gRPC clients) is INVALID_ARGUMENT before anything is sent where the dimensions are
     * known: use StreamEmbed. One bad input fails the whole call.
     * </pre>
     */
    public io.hedgerow.embed.v1.EmbedResponse embed(io.hedgerow.embed.v1.EmbedRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getEmbedMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service EmbedService.
   * <pre>
   * EmbedService turns texts into vectors. Errors and trailers are those of hedgerow.chat.v1.ChatService.
   * </pre>
   */
  public static final class EmbedServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<EmbedServiceFutureStub> {
    private EmbedServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected EmbedServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new EmbedServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * Embed answers a batch in one piece, in the order of its inputs, split to the provider's own batch limit. An answer
     * above 4 MiB (the default limit of gRPC clients) is INVALID_ARGUMENT before anything is sent where the dimensions are
     * known: use StreamEmbed. One bad input fails the whole call.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.hedgerow.embed.v1.EmbedResponse> embed(
        io.hedgerow.embed.v1.EmbedRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getEmbedMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_EMBED = 0;
  private static final int METHODID_STREAM_EMBED = 1;

  private static final class MethodHandlers<Req, Resp> implements
      io.grpc.stub.ServerCalls.UnaryMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ServerStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ClientStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.BidiStreamingMethod<Req, Resp> {
    private final AsyncService serviceImpl;
    private final int methodId;

    MethodHandlers(AsyncService serviceImpl, int methodId) {
      this.serviceImpl = serviceImpl;
      this.methodId = methodId;
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public void invoke(Req request, io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        case METHODID_EMBED:
          serviceImpl.embed((io.hedgerow.embed.v1.EmbedRequest) request,
              (io.grpc.stub.StreamObserver<io.hedgerow.embed.v1.EmbedResponse>) responseObserver);
          break;
        default:
          throw new AssertionError();
      }
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public io.grpc.stub.StreamObserver<Req> invoke(
        io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        case METHODID_STREAM_EMBED:
          return (io.grpc.stub.StreamObserver<Req>) serviceImpl.streamEmbed(
              (io.grpc.stub.StreamObserver<io.hedgerow.embed.v1.StreamEmbedResponse>) responseObserver);
        default:
          throw new AssertionError();
      }
    }
  }

  public static final io.grpc.ServerServiceDefinition bindService(AsyncService service) {
    return io.grpc.ServerServiceDefinition.builder(getServiceDescriptor())
        .addMethod(
          getEmbedMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.hedgerow.embed.v1.EmbedRequest,
              io.hedgerow.embed.v1.EmbedResponse>(
                service, METHODID_EMBED)))
        .addMethod(
          getStreamEmbedMethod(),
          io.grpc.stub.ServerCalls.asyncBidiStreamingCall(
            new MethodHandlers<
              io.hedgerow.embed.v1.StreamEmbedRequest,
              io.hedgerow.embed.v1.StreamEmbedResponse>(
                service, METHODID_STREAM_EMBED)))
        .build();
  }

  private static abstract class EmbedServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    EmbedServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return io.hedgerow.embed.v1.EmbedServiceProto.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("EmbedService");
    }
  }

  private static final class EmbedServiceFileDescriptorSupplier
      extends EmbedServiceBaseDescriptorSupplier {
    EmbedServiceFileDescriptorSupplier() {}
  }

  private static final class EmbedServiceMethodDescriptorSupplier
      extends EmbedServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    EmbedServiceMethodDescriptorSupplier(java.lang.String methodName) {
      this.methodName = methodName;
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.MethodDescriptor getMethodDescriptor() {
      return getServiceDescriptor().findMethodByName(methodName);
    }
  }

  private static volatile io.grpc.ServiceDescriptor serviceDescriptor;

  public static io.grpc.ServiceDescriptor getServiceDescriptor() {
    io.grpc.ServiceDescriptor result = serviceDescriptor;
    if (result == null) {
      synchronized (EmbedServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new EmbedServiceFileDescriptorSupplier())
              .addMethod(getEmbedMethod())
              .addMethod(getStreamEmbedMethod())
              .build();
        }
      }
    }
    return result;
  }
}
