package io.hedgerow.router.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * RouterService tells what the gateway can do and how it would do it. Nothing is sent to a provider.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class RouterServiceGrpc {

  private RouterServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "hedgerow.router.v1.RouterService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<io.hedgerow.router.v1.ListModelsRequest,
      io.hedgerow.router.v1.ListModelsResponse> getListModelsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListModels",
      requestType = io.hedgerow.router.v1.ListModelsRequest.class,
      responseType = io.hedgerow.router.v1.ListModelsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.hedgerow.router.v1.ListModelsRequest,
      io.hedgerow.router.v1.ListModelsResponse> getListModelsMethod() {
    io.grpc.MethodDescriptor<io.hedgerow.router.v1.ListModelsRequest, io.hedgerow.router.v1.ListModelsResponse> getListModelsMethod;
    if ((getListModelsMethod = RouterServiceGrpc.getListModelsMethod) == null) {
      synchronized (RouterServiceGrpc.class) {
        if ((getListModelsMethod = RouterServiceGrpc.getListModelsMethod) == null) {
          RouterServiceGrpc.getListModelsMethod = getListModelsMethod =
              io.grpc.MethodDescriptor.<io.hedgerow.router.v1.ListModelsRequest, io.hedgerow.router.v1.ListModelsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListModels"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.router.v1.ListModelsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.router.v1.ListModelsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new RouterServiceMethodDescriptorSupplier("ListModels"))
              .build();
        }
      }
    }
    return getListModelsMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.hedgerow.router.v1.EstimateCostRequest,
      io.hedgerow.router.v1.EstimateCostResponse> getEstimateCostMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "EstimateCost",
      requestType = io.hedgerow.router.v1.EstimateCostRequest.class,
      responseType = io.hedgerow.router.v1.EstimateCostResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.hedgerow.router.v1.EstimateCostRequest,
      io.hedgerow.router.v1.EstimateCostResponse> getEstimateCostMethod() {
    io.grpc.MethodDescriptor<io.hedgerow.router.v1.EstimateCostRequest, io.hedgerow.router.v1.EstimateCostResponse> getEstimateCostMethod;
    if ((getEstimateCostMethod = RouterServiceGrpc.getEstimateCostMethod) == null) {
      synchronized (RouterServiceGrpc.class) {
        if ((getEstimateCostMethod = RouterServiceGrpc.getEstimateCostMethod) == null) {
          RouterServiceGrpc.getEstimateCostMethod = getEstimateCostMethod =
              io.grpc.MethodDescriptor.<io.hedgerow.router.v1.EstimateCostRequest, io.hedgerow.router.v1.EstimateCostResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "EstimateCost"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.router.v1.EstimateCostRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.router.v1.EstimateCostResponse.getDefaultInstance()))
              .setSchemaDescriptor(new RouterServiceMethodDescriptorSupplier("EstimateCost"))
              .build();
        }
      }
    }
    return getEstimateCostMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.hedgerow.router.v1.ExplainRouteRequest,
      io.hedgerow.router.v1.ExplainRouteResponse> getExplainRouteMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ExplainRoute",
      requestType = io.hedgerow.router.v1.ExplainRouteRequest.class,
      responseType = io.hedgerow.router.v1.ExplainRouteResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.hedgerow.router.v1.ExplainRouteRequest,
      io.hedgerow.router.v1.ExplainRouteResponse> getExplainRouteMethod() {
    io.grpc.MethodDescriptor<io.hedgerow.router.v1.ExplainRouteRequest, io.hedgerow.router.v1.ExplainRouteResponse> getExplainRouteMethod;
    if ((getExplainRouteMethod = RouterServiceGrpc.getExplainRouteMethod) == null) {
      synchronized (RouterServiceGrpc.class) {
        if ((getExplainRouteMethod = RouterServiceGrpc.getExplainRouteMethod) == null) {
          RouterServiceGrpc.getExplainRouteMethod = getExplainRouteMethod =
              io.grpc.MethodDescriptor.<io.hedgerow.router.v1.ExplainRouteRequest, io.hedgerow.router.v1.ExplainRouteResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ExplainRoute"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.router.v1.ExplainRouteRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.router.v1.ExplainRouteResponse.getDefaultInstance()))
              .setSchemaDescriptor(new RouterServiceMethodDescriptorSupplier("ExplainRoute"))
              .build();
        }
      }
    }
    return getExplainRouteMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.hedgerow.router.v1.CountTokensRequest,
      io.hedgerow.router.v1.CountTokensResponse> getCountTokensMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "CountTokens",
      requestType = io.hedgerow.router.v1.CountTokensRequest.class,
      responseType = io.hedgerow.router.v1.CountTokensResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.hedgerow.router.v1.CountTokensRequest,
      io.hedgerow.router.v1.CountTokensResponse> getCountTokensMethod() {
    io.grpc.MethodDescriptor<io.hedgerow.router.v1.CountTokensRequest, io.hedgerow.router.v1.CountTokensResponse> getCountTokensMethod;
    if ((getCountTokensMethod = RouterServiceGrpc.getCountTokensMethod) == null) {
      synchronized (RouterServiceGrpc.class) {
        if ((getCountTokensMethod = RouterServiceGrpc.getCountTokensMethod) == null) {
          RouterServiceGrpc.getCountTokensMethod = getCountTokensMethod =
              io.grpc.MethodDescriptor.<io.hedgerow.router.v1.CountTokensRequest, io.hedgerow.router.v1.CountTokensResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "CountTokens"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.router.v1.CountTokensRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.router.v1.CountTokensResponse.getDefaultInstance()))
              .setSchemaDescriptor(new RouterServiceMethodDescriptorSupplier("CountTokens"))
              .build();
        }
      }
    }
    return getCountTokensMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static RouterServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<RouterServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<RouterServiceStub>() {
        @java.lang.Override
        public RouterServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new RouterServiceStub(channel, callOptions);
        }
      };
    return RouterServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static RouterServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<RouterServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<RouterServiceBlockingV2Stub>() {
        @java.lang.Override
        public RouterServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new RouterServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return RouterServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static RouterServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<RouterServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<RouterServiceBlockingStub>() {
        @java.lang.Override
        public RouterServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new RouterServiceBlockingStub(channel, callOptions);
        }
      };
    return RouterServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static RouterServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<RouterServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<RouterServiceFutureStub>() {
        @java.lang.Override
        public RouterServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new RouterServiceFutureStub(channel, callOptions);
        }
      };
    return RouterServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * RouterService tells what the gateway can do and how it would do it. Nothing is sent to a provider.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * ListModels lists the models that the caller may use, by name.
     * </pre>
     */
    default void listModels(io.hedgerow.router.v1.ListModelsRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.router.v1.ListModelsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListModelsMethod(), responseObserver);
    }

    /**
     * <pre>
     * EstimateCost tells what a call would cost at each candidate of its route.
     * </pre>
     */
    default void estimateCost(io.hedgerow.router.v1.EstimateCostRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.router.v1.EstimateCostResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getEstimateCostMethod(), responseObserver);
    }

    /**
     * <pre>
     * ExplainRoute tells who would be asked for a call, in which order and why, and why the others would not be.
     * </pre>
     */
    default void explainRoute(io.hedgerow.router.v1.ExplainRouteRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.router.v1.ExplainRouteResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getExplainRouteMethod(), responseObserver);
    }

    /**
     * <pre>
     * CountTokens tells how long a call's input is for each candidate of its route.
     * </pre>
     */
    default void countTokens(io.hedgerow.router.v1.CountTokensRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.router.v1.CountTokensResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getCountTokensMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service RouterService.
   * <pre>
   * RouterService tells what the gateway can do and how it would do it. Nothing is sent to a provider.
   * </pre>
   */
  public static abstract class RouterServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return RouterServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service RouterService.
   * <pre>
   * RouterService tells what the gateway can do and how it would do it. Nothing is sent to a provider.
   * </pre>
   */
  public static final class RouterServiceStub
      extends io.grpc.stub.AbstractAsyncStub<RouterServiceStub> {
    private RouterServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected RouterServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new RouterServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * ListModels lists the models that the caller may use, by name.
     * </pre>
     */
    public void listModels(io.hedgerow.router.v1.ListModelsRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.router.v1.ListModelsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListModelsMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * EstimateCost tells what a call would cost at each candidate of its route.
     * </pre>
     */
    public void estimateCost(io.hedgerow.router.v1.EstimateCostRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.router.v1.EstimateCostResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getEstimateCostMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * ExplainRoute tells who would be asked for a call, in which order and why, and why the others would not be.
     * </pre>
     */
    public void explainRoute(io.hedgerow.router.v1.ExplainRouteRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.router.v1.ExplainRouteResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getExplainRouteMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * CountTokens tells how long a call's input is for each candidate of its route.
     * </pre>
     */
    public void countTokens(io.hedgerow.router.v1.CountTokensRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.router.v1.CountTokensResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getCountTokensMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service RouterService.
   * <pre>
   * RouterService tells what the gateway can do and how it would do it. Nothing is sent to a provider.
   * </pre>
   */
  public static final class RouterServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<RouterServiceBlockingV2Stub> {
    private RouterServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected RouterServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new RouterServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * ListModels lists the models that the caller may use, by name.
     * </pre>
     */
    public io.hedgerow.router.v1.ListModelsResponse listModels(io.hedgerow.router.v1.ListModelsRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListModelsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * EstimateCost tells what a call would cost at each candidate of its route.
     * </pre>
     */
    public io.hedgerow.router.v1.EstimateCostResponse estimateCost(io.hedgerow.router.v1.EstimateCostRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getEstimateCostMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ExplainRoute tells who would be asked for a call, in which order and why, and why the others would not be.
     * </pre>
     */
    public io.hedgerow.router.v1.ExplainRouteResponse explainRoute(io.hedgerow.router.v1.ExplainRouteRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getExplainRouteMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * CountTokens tells how long a call's input is for each candidate of its route.
     * </pre>
     */
    public io.hedgerow.router.v1.CountTokensResponse countTokens(io.hedgerow.router.v1.CountTokensRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getCountTokensMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service RouterService.
   * <pre>
   * RouterService tells what the gateway can do and how it would do it. Nothing is sent to a provider.
   * </pre>
   */
  public static final class RouterServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<RouterServiceBlockingStub> {
    private RouterServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected RouterServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new RouterServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * ListModels lists the models that the caller may use, by name.
     * </pre>
     */
    public io.hedgerow.router.v1.ListModelsResponse listModels(io.hedgerow.router.v1.ListModelsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListModelsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * EstimateCost tells what a call would cost at each candidate of its route.
     * </pre>
     */
    public io.hedgerow.router.v1.EstimateCostResponse estimateCost(io.hedgerow.router.v1.EstimateCostRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getEstimateCostMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ExplainRoute tells who would be asked for a call, in which order and why, and why the others would not be.
     * </pre>
     */
    public io.hedgerow.router.v1.ExplainRouteResponse explainRoute(io.hedgerow.router.v1.ExplainRouteRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getExplainRouteMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * CountTokens tells how long a call's input is for each candidate of its route.
     * </pre>
     */
    public io.hedgerow.router.v1.CountTokensResponse countTokens(io.hedgerow.router.v1.CountTokensRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getCountTokensMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service RouterService.
   * <pre>
   * RouterService tells what the gateway can do and how it would do it. Nothing is sent to a provider.
   * </pre>
   */
  public static final class RouterServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<RouterServiceFutureStub> {
    private RouterServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected RouterServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new RouterServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * ListModels lists the models that the caller may use, by name.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.hedgerow.router.v1.ListModelsResponse> listModels(
        io.hedgerow.router.v1.ListModelsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListModelsMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * EstimateCost tells what a call would cost at each candidate of its route.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.hedgerow.router.v1.EstimateCostResponse> estimateCost(
        io.hedgerow.router.v1.EstimateCostRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getEstimateCostMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * ExplainRoute tells who would be asked for a call, in which order and why, and why the others would not be.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.hedgerow.router.v1.ExplainRouteResponse> explainRoute(
        io.hedgerow.router.v1.ExplainRouteRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getExplainRouteMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * CountTokens tells how long a call's input is for each candidate of its route.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.hedgerow.router.v1.CountTokensResponse> countTokens(
        io.hedgerow.router.v1.CountTokensRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getCountTokensMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_LIST_MODELS = 0;
  private static final int METHODID_ESTIMATE_COST = 1;
  private static final int METHODID_EXPLAIN_ROUTE = 2;
  private static final int METHODID_COUNT_TOKENS = 3;

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
        case METHODID_LIST_MODELS:
          serviceImpl.listModels((io.hedgerow.router.v1.ListModelsRequest) request,
              (io.grpc.stub.StreamObserver<io.hedgerow.router.v1.ListModelsResponse>) responseObserver);
          break;
        case METHODID_ESTIMATE_COST:
          serviceImpl.estimateCost((io.hedgerow.router.v1.EstimateCostRequest) request,
              (io.grpc.stub.StreamObserver<io.hedgerow.router.v1.EstimateCostResponse>) responseObserver);
          break;
        case METHODID_EXPLAIN_ROUTE:
          serviceImpl.explainRoute((io.hedgerow.router.v1.ExplainRouteRequest) request,
              (io.grpc.stub.StreamObserver<io.hedgerow.router.v1.ExplainRouteResponse>) responseObserver);
          break;
        case METHODID_COUNT_TOKENS:
          serviceImpl.countTokens((io.hedgerow.router.v1.CountTokensRequest) request,
              (io.grpc.stub.StreamObserver<io.hedgerow.router.v1.CountTokensResponse>) responseObserver);
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
          getListModelsMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.hedgerow.router.v1.ListModelsRequest,
              io.hedgerow.router.v1.ListModelsResponse>(
                service, METHODID_LIST_MODELS)))
        .addMethod(
          getEstimateCostMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.hedgerow.router.v1.EstimateCostRequest,
              io.hedgerow.router.v1.EstimateCostResponse>(
                service, METHODID_ESTIMATE_COST)))
        .addMethod(
          getExplainRouteMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.hedgerow.router.v1.ExplainRouteRequest,
              io.hedgerow.router.v1.ExplainRouteResponse>(
                service, METHODID_EXPLAIN_ROUTE)))
        .addMethod(
          getCountTokensMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.hedgerow.router.v1.CountTokensRequest,
              io.hedgerow.router.v1.CountTokensResponse>(
                service, METHODID_COUNT_TOKENS)))
        .build();
  }

  private static abstract class RouterServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    RouterServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return io.hedgerow.router.v1.RouterServiceProto.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("RouterService");
    }
  }

  private static final class RouterServiceFileDescriptorSupplier
      extends RouterServiceBaseDescriptorSupplier {
    RouterServiceFileDescriptorSupplier() {}
  }

  private static final class RouterServiceMethodDescriptorSupplier
      extends RouterServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    RouterServiceMethodDescriptorSupplier(java.lang.String methodName) {
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
      synchronized (RouterServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new RouterServiceFileDescriptorSupplier())
              .addMethod(getListModelsMethod())
              .addMethod(getEstimateCostMethod())
              .addMethod(getExplainRouteMethod())
              .addMethod(getCountTokensMethod())
              .build();
        }
      }
    }
    return result;
  }
}
