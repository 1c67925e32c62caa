package io.hedgerow.guardrail.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * GuardrailService looks at texts on their way to a model and back. It is the one service of this contract that the
 * gateway calls and others implement: a team that has a classifier of its own serves it, in any language, and names it
 * in the gateway's configuration (`guardrails.guards`, type grpc).
 * A server may also serve grpc.health.v1.Health for "hedgerow.guardrail.v1.GuardrailService": an address that says
 * NOT_SERVING gets no calls until it says SERVING again. One that does not serve Health counts as serving.
 * `hedgerow guard check HOST:PORT` tries whether a server keeps to what is written here.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class GuardrailServiceGrpc {

  private GuardrailServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "hedgerow.guardrail.v1.GuardrailService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<io.hedgerow.guardrail.v1.CheckRequest,
      io.hedgerow.guardrail.v1.CheckResponse> getCheckMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Check",
      requestType = io.hedgerow.guardrail.v1.CheckRequest.class,
      responseType = io.hedgerow.guardrail.v1.CheckResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.hedgerow.guardrail.v1.CheckRequest,
      io.hedgerow.guardrail.v1.CheckResponse> getCheckMethod() {
    io.grpc.MethodDescriptor<io.hedgerow.guardrail.v1.CheckRequest, io.hedgerow.guardrail.v1.CheckResponse> getCheckMethod;
    if ((getCheckMethod = GuardrailServiceGrpc.getCheckMethod) == null) {
      synchronized (GuardrailServiceGrpc.class) {
        if ((getCheckMethod = GuardrailServiceGrpc.getCheckMethod) == null) {
          GuardrailServiceGrpc.getCheckMethod = getCheckMethod =
              io.grpc.MethodDescriptor.<io.hedgerow.guardrail.v1.CheckRequest, io.hedgerow.guardrail.v1.CheckResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Check"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.guardrail.v1.CheckRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.guardrail.v1.CheckResponse.getDefaultInstance()))
              .setSchemaDescriptor(new GuardrailServiceMethodDescriptorSupplier("Check"))
              .build();
        }
      }
    }
    return getCheckMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static GuardrailServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<GuardrailServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<GuardrailServiceStub>() {
        @java.lang.Override
        public GuardrailServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new GuardrailServiceStub(channel, callOptions);
        }
      };
    return GuardrailServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static GuardrailServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<GuardrailServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<GuardrailServiceBlockingV2Stub>() {
        @java.lang.Override
        public GuardrailServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new GuardrailServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return GuardrailServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static GuardrailServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<GuardrailServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<GuardrailServiceBlockingStub>() {
        @java.lang.Override
        public GuardrailServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new GuardrailServiceBlockingStub(channel, callOptions);
        }
      };
    return GuardrailServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static GuardrailServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<GuardrailServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<GuardrailServiceFutureStub>() {
        @java.lang.Override
        public GuardrailServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new GuardrailServiceFutureStub(channel, callOptions);
        }
      };
    return GuardrailServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * GuardrailService looks at texts on their way to a model and back. It is the one service of this contract that the
   * gateway calls and others implement: a team that has a classifier of its own serves it, in any language, and names it
   * in the gateway's configuration (`guardrails.guards`, type grpc).
   * A server may also serve grpc.health.v1.Health for "hedgerow.guardrail.v1.GuardrailService": an address that says
   * NOT_SERVING gets no calls until it says SERVING again. One that does not serve Health counts as serving.
   * `hedgerow guard check HOST:PORT` tries whether a server keeps to what is written here.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * Check finds what must not go on in a batch of texts. What is done about it (refuse, redact, tell, send elsewhere) is
     * the gateway's configuration, not the server's choice.
     * Every call has a deadline, often of 250 ms or less, and may be sent a second time when it failed with UNAVAILABLE:
     * a check changes nothing. The same texts may be answered from what the gateway kept of an earlier check of the same
     * tenant.
     * Any status but OK means that the texts were not checked, and so does an answer that breaks one of the rules below.
     * The gateway then refuses the call or lets it pass, as `on_failure` of its configuration says; after several failures
     * in a row it asks nothing for a while. A server that cannot judge one text fails the whole call: an empty result
     * says that nothing is wrong. It should answer
     *   - INVALID_ARGUMENT for a request beyond the limits below,
     *   - UNAUTHENTICATED or PERMISSION_DENIED for a caller that it does not serve,
     *   - RESOURCE_EXHAUSTED or UNAVAILABLE when it has too much to do,
     *   - INTERNAL for a fault of its own, with a message that says nothing of the texts: the gateway logs no message.
     * </pre>
     */
    default void check(io.hedgerow.guardrail.v1.CheckRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.guardrail.v1.CheckResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getCheckMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service GuardrailService.
   * <pre>
   * GuardrailService looks at texts on their way to a model and back. It is the one service of this contract that the
   * gateway calls and others implement: a team that has a classifier of its own serves it, in any language, and names it
   * in the gateway's configuration (`guardrails.guards`, type grpc).
   * A server may also serve grpc.health.v1.Health for "hedgerow.guardrail.v1.GuardrailService": an address that says
   * NOT_SERVING gets no calls until it says SERVING again. One that does not serve Health counts as serving.
   * `hedgerow guard check HOST:PORT` tries whether a server keeps to what is written here.
   * </pre>
   */
  public static abstract class GuardrailServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return GuardrailServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service GuardrailService.
   * <pre>
   * GuardrailService looks at texts on their way to a model and back. It is the one service of this contract that the
   * gateway calls and others implement: a team that has a classifier of its own serves it, in any language, and names it
   * in the gateway's configuration (`guardrails.guards`, type grpc).
   * A server may also serve grpc.health.v1.Health for "hedgerow.guardrail.v1.GuardrailService": an address that says
   * NOT_SERVING gets no calls until it says SERVING again. One that does not serve Health counts as serving.
   * `hedgerow guard check HOST:PORT` tries whether a server keeps to what is written here.
   * </pre>
   */
  public static final class GuardrailServiceStub
      extends io.grpc.stub.AbstractAsyncStub<GuardrailServiceStub> {
    private GuardrailServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected GuardrailServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new GuardrailServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * Check finds what must not go on in a batch of texts. What is done about it (refuse, redact, tell, send elsewhere) is
     * the gateway's configuration, not the server's choice.
     * Every call has a deadline, often of 250 ms or less, and may be sent a second time when it failed with UNAVAILABLE:
     * a check changes nothing. The same texts may be answered from what the gateway kept of an earlier check of the same
     * tenant.
     * Any status but OK means that the texts were not checked, and so does an answer that breaks one of the rules below.
     * The gateway then refuses the call or lets it pass, as `on_failure` of its configuration says; after several failures
     * in a row it asks nothing for a while. A server that cannot judge one text fails the whole call: an empty result
     * says that nothing is wrong. It should answer
     *   - INVALID_ARGUMENT for a request beyond the limits below,
     *   - UNAUTHENTICATED or PERMISSION_DENIED for a caller that it does not serve,
     *   - RESOURCE_EXHAUSTED or UNAVAILABLE when it has too much to do,
     *   - INTERNAL for a fault of its own, with a message that says nothing of the texts: the gateway logs no message.
     * </pre>
     */
    public void check(io.hedgerow.guardrail.v1.CheckRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.guardrail.v1.CheckResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getCheckMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service GuardrailService.
   * <pre>
   * GuardrailService looks at texts on their way to a model and back. It is the one service of this contract that the
   * gateway calls and others implement: a team that has a classifier of its own serves it, in any language, and names it
   * in the gateway's configuration (`guardrails.guards`, type grpc).
   * A server may also serve grpc.health.v1.Health for "hedgerow.guardrail.v1.GuardrailService": an address that says
   * NOT_SERVING gets no calls until it says SERVING again. One that does not serve Health counts as serving.
   * `hedgerow guard check HOST:PORT` tries whether a server keeps to what is written here.
   * </pre>
   */
  public static final class GuardrailServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<GuardrailServiceBlockingV2Stub> {
    private GuardrailServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected GuardrailServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new GuardrailServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * Check finds what must not go on in a batch of texts. What is done about it (refuse, redact, tell, send elsewhere) is
     * the gateway's configuration, not the server's choice.
     * Every call has a deadline, often of 250 ms or less, and may be sent a second time when it failed with UNAVAILABLE:
     * a check changes nothing. The same texts may be answered from what the gateway kept of an earlier check of the same
     * tenant.
     * Any status but OK means that the texts were not checked, and so does an answer that breaks one of the rules below.
     * The gateway then refuses the call or lets it pass, as `on_failure` of its configuration says; after several failures
     * in a row it asks nothing for a while. A server that cannot judge one text fails the whole call: an empty result
     * says that nothing is wrong. It should answer
     *   - INVALID_ARGUMENT for a request beyond the limits below,
     *   - UNAUTHENTICATED or PERMISSION_DENIED for a caller that it does not serve,
     *   - RESOURCE_EXHAUSTED or UNAVAILABLE when it has too much to do,
     *   - INTERNAL for a fault of its own, with a message that says nothing of the texts: the gateway logs no message.
     * </pre>
     */
    public io.hedgerow.guardrail.v1.CheckResponse check(io.hedgerow.guardrail.v1.CheckRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getCheckMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service GuardrailService.
   * <pre>
   * GuardrailService looks at texts on their way to a model and back. It is the one service of this contract that the
   * gateway calls and others implement: a team that has a classifier of its own serves it, in any language, and names it
   * in the gateway's configuration (`guardrails.guards`, type grpc).
   * A server may also serve grpc.health.v1.Health for "hedgerow.guardrail.v1.GuardrailService": an address that says
   * NOT_SERVING gets no calls until it says SERVING again. One that does not serve Health counts as serving.
   * `hedgerow guard check HOST:PORT` tries whether a server keeps to what is written here.
   * </pre>
   */
  public static final class GuardrailServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<GuardrailServiceBlockingStub> {
    private GuardrailServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected GuardrailServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new GuardrailServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * Check finds what must not go on in a batch of texts. What is done about it (refuse, redact, tell, send elsewhere) is
     * the gateway's configuration, not the server's choice.
     * Every call has a deadline, often of 250 ms or less, and may be sent a second time when it failed with UNAVAILABLE:
     * a check changes nothing. The same texts may be answered from what the gateway kept of an earlier check of the same
     * tenant.
     * Any status but OK means that the texts were not checked, and so does an answer that breaks one of the rules below.
     * The gateway then refuses the call or lets it pass, as `on_failure` of its configuration says; after several failures
     * in a row it asks nothing for a while. A server that cannot judge one text fails the whole call: an empty result
     * says that nothing is wrong. It should answer
     *   - INVALID_ARGUMENT for a request beyond the limits below,
     *   - UNAUTHENTICATED or PERMISSION_DENIED for a caller that it does not serve,
     *   - RESOURCE_EXHAUSTED or UNAVAILABLE when it has too much to do,
     *   - INTERNAL for a fault of its own, with a message that says nothing of the texts: the gateway logs no message.
     * </pre>
     */
    public io.hedgerow.guardrail.v1.CheckResponse check(io.hedgerow.guardrail.v1.CheckRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getCheckMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service GuardrailService.
   * <pre>
   * GuardrailService looks at texts on their way to a model and back. It is the one service of this contract that the
   * gateway calls and others implement: a team that has a classifier of its own serves it, in any language, and names it
   * in the gateway's configuration (`guardrails.guards`, type grpc).
   * A server may also serve grpc.health.v1.Health for "hedgerow.guardrail.v1.GuardrailService": an address that says
   * NOT_SERVING gets no calls until it says SERVING again. One that does not serve Health counts as serving.
   * `hedgerow guard check HOST:PORT` tries whether a server keeps to what is written here.
   * </pre>
   */
  public static final class GuardrailServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<GuardrailServiceFutureStub> {
    private GuardrailServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected GuardrailServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new GuardrailServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * Check finds what must not go on in a batch of texts. What is done about it (refuse, redact, tell, send elsewhere) is
     * the gateway's configuration, not the server's choice.
     * Every call has a deadline, often of 250 ms or less, and may be sent a second time when it failed with UNAVAILABLE:
     * a check changes nothing. The same texts may be answered from what the gateway kept of an earlier check of the same
     * tenant.
     * Any status but OK means that the texts were not checked, and so does an answer that breaks one of the rules below.
     * The gateway then refuses the call or lets it pass, as `on_failure` of its configuration says; after several failures
     * in a row it asks nothing for a while. A server that cannot judge one text fails the whole call: an empty result
     * says that nothing is wrong. It should answer
     *   - INVALID_ARGUMENT for a request beyond the limits below,
     *   - UNAUTHENTICATED or PERMISSION_DENIED for a caller that it does not serve,
     *   - RESOURCE_EXHAUSTED or UNAVAILABLE when it has too much to do,
     *   - INTERNAL for a fault of its own, with a message that says nothing of the texts: the gateway logs no message.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.hedgerow.guardrail.v1.CheckResponse> check(
        io.hedgerow.guardrail.v1.CheckRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getCheckMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_CHECK = 0;

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
        case METHODID_CHECK:
          serviceImpl.check((io.hedgerow.guardrail.v1.CheckRequest) request,
              (io.grpc.stub.StreamObserver<io.hedgerow.guardrail.v1.CheckResponse>) responseObserver);
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
          getCheckMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.hedgerow.guardrail.v1.CheckRequest,
              io.hedgerow.guardrail.v1.CheckResponse>(
                service, METHODID_CHECK)))
        .build();
  }

  private static abstract class GuardrailServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    GuardrailServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return io.hedgerow.guardrail.v1.GuardrailServiceProto.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("GuardrailService");
    }
  }

  private static final class GuardrailServiceFileDescriptorSupplier
      extends GuardrailServiceBaseDescriptorSupplier {
    GuardrailServiceFileDescriptorSupplier() {}
  }

  private static final class GuardrailServiceMethodDescriptorSupplier
      extends GuardrailServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    GuardrailServiceMethodDescriptorSupplier(java.lang.String methodName) {
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
      synchronized (GuardrailServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new GuardrailServiceFileDescriptorSupplier())
              .addMethod(getCheckMethod())
              .build();
        }
      }
    }
    return result;
  }
}
