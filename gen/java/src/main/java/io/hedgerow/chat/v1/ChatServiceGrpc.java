package io.hedgerow.chat.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * ChatService asks a model to go on with a conversation. The caller names a model of the gateway; which provider answers
 * is the gateway's business.
 * A failure is the status of the RPC, with exactly one google.rpc.ErrorInfo of domain "hedgerow" whose reason is a value
 * of hedgerow.errors.v1.ErrorReason. The trailers `x-request-id` and `hedgerow-report-bin` (a
 * hedgerow.common.v1.CallReport) come with every call.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class ChatServiceGrpc {

  private ChatServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "hedgerow.chat.v1.ChatService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<io.hedgerow.chat.v1.CompleteRequest,
      io.hedgerow.chat.v1.CompleteResponse> getCompleteMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Complete",
      requestType = io.hedgerow.chat.v1.CompleteRequest.class,
      responseType = io.hedgerow.chat.v1.CompleteResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.hedgerow.chat.v1.CompleteRequest,
      io.hedgerow.chat.v1.CompleteResponse> getCompleteMethod() {
    io.grpc.MethodDescriptor<io.hedgerow.chat.v1.CompleteRequest, io.hedgerow.chat.v1.CompleteResponse> getCompleteMethod;
    if ((getCompleteMethod = ChatServiceGrpc.getCompleteMethod) == null) {
      synchronized (ChatServiceGrpc.class) {
        if ((getCompleteMethod = ChatServiceGrpc.getCompleteMethod) == null) {
          ChatServiceGrpc.getCompleteMethod = getCompleteMethod =
              io.grpc.MethodDescriptor.<io.hedgerow.chat.v1.CompleteRequest, io.hedgerow.chat.v1.CompleteResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Complete"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.chat.v1.CompleteRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.chat.v1.CompleteResponse.getDefaultInstance()))
              .setSchemaDescriptor(new ChatServiceMethodDescriptorSupplier("Complete"))
              .build();
        }
      }
    }
    return getCompleteMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.hedgerow.chat.v1.StreamCompleteRequest,
      io.hedgerow.chat.v1.StreamCompleteResponse> getStreamCompleteMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "StreamComplete",
      requestType = io.hedgerow.chat.v1.StreamCompleteRequest.class,
      responseType = io.hedgerow.chat.v1.StreamCompleteResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
  public static io.grpc.MethodDescriptor<io.hedgerow.chat.v1.StreamCompleteRequest,
      io.hedgerow.chat.v1.StreamCompleteResponse> getStreamCompleteMethod() {
    io.grpc.MethodDescriptor<io.hedgerow.chat.v1.StreamCompleteRequest, io.hedgerow.chat.v1.StreamCompleteResponse> getStreamCompleteMethod;
    if ((getStreamCompleteMethod = ChatServiceGrpc.getStreamCompleteMethod) == null) {
      synchronized (ChatServiceGrpc.class) {
        if ((getStreamCompleteMethod = ChatServiceGrpc.getStreamCompleteMethod) == null) {
          ChatServiceGrpc.getStreamCompleteMethod = getStreamCompleteMethod =
              io.grpc.MethodDescriptor.<io.hedgerow.chat.v1.StreamCompleteRequest, io.hedgerow.chat.v1.StreamCompleteResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "StreamComplete"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.chat.v1.StreamCompleteRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.chat.v1.StreamCompleteResponse.getDefaultInstance()))
              .setSchemaDescriptor(new ChatServiceMethodDescriptorSupplier("StreamComplete"))
              .build();
        }
      }
    }
    return getStreamCompleteMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static ChatServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<ChatServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<ChatServiceStub>() {
        @java.lang.Override
        public ChatServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new ChatServiceStub(channel, callOptions);
        }
      };
    return ChatServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static ChatServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<ChatServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<ChatServiceBlockingV2Stub>() {
        @java.lang.Override
        public ChatServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new ChatServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return ChatServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static ChatServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<ChatServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<ChatServiceBlockingStub>() {
        @java.lang.Override
        public ChatServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new ChatServiceBlockingStub(channel, callOptions);
        }
      };
    return ChatServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static ChatServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<ChatServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<ChatServiceFutureStub>() {
        @java.lang.Override
        public ChatServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new ChatServiceFutureStub(channel, callOptions);
        }
      };
    return ChatServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * ChatService asks a model to go on with a conversation. The caller names a model of the gateway; which provider answers
   * is the gateway's business.
   * A failure is the status of the RPC, with exactly one google.rpc.ErrorInfo of domain "hedgerow" whose reason is a value
   * of hedgerow.errors.v1.ErrorReason. The trailers `x-request-id` and `hedgerow-report-bin` (a
   * hedgerow.common.v1.CallReport) come with every call.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * Complete answers in one piece. The answer is what StreamComplete's events fold to: same message, usage and finish
     * reason.
     * </pre>
     */
    default void complete(io.hedgerow.chat.v1.CompleteRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.chat.v1.CompleteResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getCompleteMethod(), responseObserver);
    }

    /**
     * <pre>
     * StreamComplete answers as events while the model writes. A stream without a `Completed` event is incomplete.
     * </pre>
     */
    default void streamComplete(io.hedgerow.chat.v1.StreamCompleteRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.chat.v1.StreamCompleteResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getStreamCompleteMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service ChatService.
   * <pre>
   * ChatService asks a model to go on with a conversation. The caller names a model of the gateway; which provider answers
   * is the gateway's business.
   * A failure is the status of the RPC, with exactly one google.rpc.ErrorInfo of domain "hedgerow" whose reason is a value
   * of hedgerow.errors.v1.ErrorReason. The trailers `x-request-id` and `hedgerow-report-bin` (a
   * hedgerow.common.v1.CallReport) come with every call.
   * </pre>
   */
  public static abstract class ChatServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return ChatServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service ChatService.
   * <pre>
   * ChatService asks a model to go on with a conversation. The caller names a model of the gateway; which provider answers
   * is the gateway's business.
   * A failure is the status of the RPC, with exactly one google.rpc.ErrorInfo of domain "hedgerow" whose reason is a value
   * of hedgerow.errors.v1.ErrorReason. The trailers `x-request-id` and `hedgerow-report-bin` (a
   * hedgerow.common.v1.CallReport) come with every call.
   * </pre>
   */
  public static final class ChatServiceStub
      extends io.grpc.stub.AbstractAsyncStub<ChatServiceStub> {
    private ChatServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected ChatServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new ChatServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * Complete answers in one piece. The answer is what StreamComplete's events fold to: same message, usage and finish
     * reason.
     * </pre>
     */
    public void complete(io.hedgerow.chat.v1.CompleteRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.chat.v1.CompleteResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getCompleteMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * StreamComplete answers as events while the model writes. A stream without a `Completed` event is incomplete.
     * </pre>
     */
    public void streamComplete(io.hedgerow.chat.v1.StreamCompleteRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.chat.v1.StreamCompleteResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncServerStreamingCall(
          getChannel().newCall(getStreamCompleteMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service ChatService.
   * <pre>
   * ChatService asks a model to go on with a conversation. The caller names a model of the gateway; which provider answers
   * is the gateway's business.
   * A failure is the status of the RPC, with exactly one google.rpc.ErrorInfo of domain "hedgerow" whose reason is a value
   * of hedgerow.errors.v1.ErrorReason. The trailers `x-request-id` and `hedgerow-report-bin` (a
   * hedgerow.common.v1.CallReport) come with every call.
   * </pre>
   */
  public static final class ChatServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<ChatServiceBlockingV2Stub> {
    private ChatServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected ChatServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new ChatServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * Complete answers in one piece. The answer is what StreamComplete's events fold to: same message, usage and finish
     * reason.
     * </pre>
     */
    public io.hedgerow.chat.v1.CompleteResponse complete(io.hedgerow.chat.v1.CompleteRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getCompleteMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * StreamComplete answers as events while the model writes. A stream without a `Completed` event is incomplete.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<?, io.hedgerow.chat.v1.StreamCompleteResponse>
        streamComplete(io.hedgerow.chat.v1.StreamCompleteRequest request) {
      return io.grpc.stub.ClientCalls.blockingV2ServerStreamingCall(
          getChannel(), getStreamCompleteMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service ChatService.
   * <pre>
   * ChatService asks a model to go on with a conversation. The caller names a model of the gateway; which provider answers
   * is the gateway's business.
   * A failure is the status of the RPC, with exactly one google.rpc.ErrorInfo of domain "hedgerow" whose reason is a value
   * of hedgerow.errors.v1.ErrorReason. The trailers `x-request-id` and `hedgerow-report-bin` (a
   * hedgerow.common.v1.CallReport) come with every call.
   * </pre>
   */
  public static final class ChatServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<ChatServiceBlockingStub> {
    private ChatServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected ChatServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new ChatServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * Complete answers in one piece. The answer is what StreamComplete's events fold to: same message, usage and finish
     * reason.
     * </pre>
     */
    public io.hedgerow.chat.v1.CompleteResponse complete(io.hedgerow.chat.v1.CompleteRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getCompleteMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * StreamComplete answers as events while the model writes. A stream without a `Completed` event is incomplete.
     * </pre>
     */
    public java.util.Iterator<io.hedgerow.chat.v1.StreamCompleteResponse> streamComplete(
        io.hedgerow.chat.v1.StreamCompleteRequest request) {
      return io.grpc.stub.ClientCalls.blockingServerStreamingCall(
          getChannel(), getStreamCompleteMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service ChatService.
   * <pre>
   * ChatService asks a model to go on with a conversation. The caller names a model of the gateway; which provider answers
   * is the gateway's business.
   * A failure is the status of the RPC, with exactly one google.rpc.ErrorInfo of domain "hedgerow" whose reason is a value
   * of hedgerow.errors.v1.ErrorReason. The trailers `x-request-id` and `hedgerow-report-bin` (a
   * hedgerow.common.v1.CallReport) come with every call.
   * </pre>
   */
  public static final class ChatServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<ChatServiceFutureStub> {
    private ChatServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected ChatServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new ChatServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * Complete answers in one piece. The answer is what StreamComplete's events fold to: same message, usage and finish
     * reason.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.hedgerow.chat.v1.CompleteResponse> complete(
        io.hedgerow.chat.v1.CompleteRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getCompleteMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_COMPLETE = 0;
  private static final int METHODID_STREAM_COMPLETE = 1;

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
        case METHODID_COMPLETE:
          serviceImpl.complete((io.hedgerow.chat.v1.CompleteRequest) request,
              (io.grpc.stub.StreamObserver<io.hedgerow.chat.v1.CompleteResponse>) responseObserver);
          break;
        case METHODID_STREAM_COMPLETE:
          serviceImpl.streamComplete((io.hedgerow.chat.v1.StreamCompleteRequest) request,
              (io.grpc.stub.StreamObserver<io.hedgerow.chat.v1.StreamCompleteResponse>) responseObserver);
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
        default:
          throw new AssertionError();
      }
    }
  }

  public static final io.grpc.ServerServiceDefinition bindService(AsyncService service) {
    return io.grpc.ServerServiceDefinition.builder(getServiceDescriptor())
        .addMethod(
          getCompleteMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.hedgerow.chat.v1.CompleteRequest,
              io.hedgerow.chat.v1.CompleteResponse>(
                service, METHODID_COMPLETE)))
        .addMethod(
          getStreamCompleteMethod(),
          io.grpc.stub.ServerCalls.asyncServerStreamingCall(
            new MethodHandlers<
              io.hedgerow.chat.v1.StreamCompleteRequest,
              io.hedgerow.chat.v1.StreamCompleteResponse>(
                service, METHODID_STREAM_COMPLETE)))
        .build();
  }

  private static abstract class ChatServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    ChatServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return io.hedgerow.chat.v1.ChatServiceProto.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("ChatService");
    }
  }

  private static final class ChatServiceFileDescriptorSupplier
      extends ChatServiceBaseDescriptorSupplier {
    ChatServiceFileDescriptorSupplier() {}
  }

  private static final class ChatServiceMethodDescriptorSupplier
      extends ChatServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    ChatServiceMethodDescriptorSupplier(java.lang.String methodName) {
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
      synchronized (ChatServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new ChatServiceFileDescriptorSupplier())
              .addMethod(getCompleteMethod())
              .addMethod(getStreamCompleteMethod())
              .build();
        }
      }
    }
    return result;
  }
}
