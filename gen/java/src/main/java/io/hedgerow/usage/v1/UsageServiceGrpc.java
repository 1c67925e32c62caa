package io.hedgerow.usage.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * UsageService tells what calls took and cost. Callers are told of their own tenant; those with a role that has
 * `all_tenants` of every one. All but ListBudgets need a ledger: without one in the configuration they are UNIMPLEMENTED;
 * while the store cannot be read they are UNAVAILABLE with ERROR_REASON_LEDGER_UNAVAILABLE.
 * The ledger is a few seconds behind the calls.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class UsageServiceGrpc {

  private UsageServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "hedgerow.usage.v1.UsageService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<io.hedgerow.usage.v1.QuerySpendRequest,
      io.hedgerow.usage.v1.QuerySpendResponse> getQuerySpendMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "QuerySpend",
      requestType = io.hedgerow.usage.v1.QuerySpendRequest.class,
      responseType = io.hedgerow.usage.v1.QuerySpendResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.hedgerow.usage.v1.QuerySpendRequest,
      io.hedgerow.usage.v1.QuerySpendResponse> getQuerySpendMethod() {
    io.grpc.MethodDescriptor<io.hedgerow.usage.v1.QuerySpendRequest, io.hedgerow.usage.v1.QuerySpendResponse> getQuerySpendMethod;
    if ((getQuerySpendMethod = UsageServiceGrpc.getQuerySpendMethod) == null) {
      synchronized (UsageServiceGrpc.class) {
        if ((getQuerySpendMethod = UsageServiceGrpc.getQuerySpendMethod) == null) {
          UsageServiceGrpc.getQuerySpendMethod = getQuerySpendMethod =
              io.grpc.MethodDescriptor.<io.hedgerow.usage.v1.QuerySpendRequest, io.hedgerow.usage.v1.QuerySpendResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "QuerySpend"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.usage.v1.QuerySpendRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.usage.v1.QuerySpendResponse.getDefaultInstance()))
              .setSchemaDescriptor(new UsageServiceMethodDescriptorSupplier("QuerySpend"))
              .build();
        }
      }
    }
    return getQuerySpendMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.hedgerow.usage.v1.ListBudgetsRequest,
      io.hedgerow.usage.v1.ListBudgetsResponse> getListBudgetsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListBudgets",
      requestType = io.hedgerow.usage.v1.ListBudgetsRequest.class,
      responseType = io.hedgerow.usage.v1.ListBudgetsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.hedgerow.usage.v1.ListBudgetsRequest,
      io.hedgerow.usage.v1.ListBudgetsResponse> getListBudgetsMethod() {
    io.grpc.MethodDescriptor<io.hedgerow.usage.v1.ListBudgetsRequest, io.hedgerow.usage.v1.ListBudgetsResponse> getListBudgetsMethod;
    if ((getListBudgetsMethod = UsageServiceGrpc.getListBudgetsMethod) == null) {
      synchronized (UsageServiceGrpc.class) {
        if ((getListBudgetsMethod = UsageServiceGrpc.getListBudgetsMethod) == null) {
          UsageServiceGrpc.getListBudgetsMethod = getListBudgetsMethod =
              io.grpc.MethodDescriptor.<io.hedgerow.usage.v1.ListBudgetsRequest, io.hedgerow.usage.v1.ListBudgetsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListBudgets"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.usage.v1.ListBudgetsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.usage.v1.ListBudgetsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new UsageServiceMethodDescriptorSupplier("ListBudgets"))
              .build();
        }
      }
    }
    return getListBudgetsMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.hedgerow.usage.v1.GetCallRequest,
      io.hedgerow.usage.v1.GetCallResponse> getGetCallMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetCall",
      requestType = io.hedgerow.usage.v1.GetCallRequest.class,
      responseType = io.hedgerow.usage.v1.GetCallResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.hedgerow.usage.v1.GetCallRequest,
      io.hedgerow.usage.v1.GetCallResponse> getGetCallMethod() {
    io.grpc.MethodDescriptor<io.hedgerow.usage.v1.GetCallRequest, io.hedgerow.usage.v1.GetCallResponse> getGetCallMethod;
    if ((getGetCallMethod = UsageServiceGrpc.getGetCallMethod) == null) {
      synchronized (UsageServiceGrpc.class) {
        if ((getGetCallMethod = UsageServiceGrpc.getGetCallMethod) == null) {
          UsageServiceGrpc.getGetCallMethod = getGetCallMethod =
              io.grpc.MethodDescriptor.<io.hedgerow.usage.v1.GetCallRequest, io.hedgerow.usage.v1.GetCallResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetCall"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.usage.v1.GetCallRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.usage.v1.GetCallResponse.getDefaultInstance()))
              .setSchemaDescriptor(new UsageServiceMethodDescriptorSupplier("GetCall"))
              .build();
        }
      }
    }
    return getGetCallMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.hedgerow.usage.v1.RepriceSpendRequest,
      io.hedgerow.usage.v1.RepriceSpendResponse> getRepriceSpendMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "RepriceSpend",
      requestType = io.hedgerow.usage.v1.RepriceSpendRequest.class,
      responseType = io.hedgerow.usage.v1.RepriceSpendResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.hedgerow.usage.v1.RepriceSpendRequest,
      io.hedgerow.usage.v1.RepriceSpendResponse> getRepriceSpendMethod() {
    io.grpc.MethodDescriptor<io.hedgerow.usage.v1.RepriceSpendRequest, io.hedgerow.usage.v1.RepriceSpendResponse> getRepriceSpendMethod;
    if ((getRepriceSpendMethod = UsageServiceGrpc.getRepriceSpendMethod) == null) {
      synchronized (UsageServiceGrpc.class) {
        if ((getRepriceSpendMethod = UsageServiceGrpc.getRepriceSpendMethod) == null) {
          UsageServiceGrpc.getRepriceSpendMethod = getRepriceSpendMethod =
              io.grpc.MethodDescriptor.<io.hedgerow.usage.v1.RepriceSpendRequest, io.hedgerow.usage.v1.RepriceSpendResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "RepriceSpend"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.usage.v1.RepriceSpendRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.usage.v1.RepriceSpendResponse.getDefaultInstance()))
              .setSchemaDescriptor(new UsageServiceMethodDescriptorSupplier("RepriceSpend"))
              .build();
        }
      }
    }
    return getRepriceSpendMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.hedgerow.usage.v1.GetStatementRequest,
      io.hedgerow.usage.v1.GetStatementResponse> getGetStatementMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetStatement",
      requestType = io.hedgerow.usage.v1.GetStatementRequest.class,
      responseType = io.hedgerow.usage.v1.GetStatementResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.hedgerow.usage.v1.GetStatementRequest,
      io.hedgerow.usage.v1.GetStatementResponse> getGetStatementMethod() {
    io.grpc.MethodDescriptor<io.hedgerow.usage.v1.GetStatementRequest, io.hedgerow.usage.v1.GetStatementResponse> getGetStatementMethod;
    if ((getGetStatementMethod = UsageServiceGrpc.getGetStatementMethod) == null) {
      synchronized (UsageServiceGrpc.class) {
        if ((getGetStatementMethod = UsageServiceGrpc.getGetStatementMethod) == null) {
          UsageServiceGrpc.getGetStatementMethod = getGetStatementMethod =
              io.grpc.MethodDescriptor.<io.hedgerow.usage.v1.GetStatementRequest, io.hedgerow.usage.v1.GetStatementResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetStatement"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.usage.v1.GetStatementRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.usage.v1.GetStatementResponse.getDefaultInstance()))
              .setSchemaDescriptor(new UsageServiceMethodDescriptorSupplier("GetStatement"))
              .build();
        }
      }
    }
    return getGetStatementMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.hedgerow.usage.v1.ExportAttemptsRequest,
      io.hedgerow.usage.v1.ExportAttemptsResponse> getExportAttemptsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ExportAttempts",
      requestType = io.hedgerow.usage.v1.ExportAttemptsRequest.class,
      responseType = io.hedgerow.usage.v1.ExportAttemptsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.hedgerow.usage.v1.ExportAttemptsRequest,
      io.hedgerow.usage.v1.ExportAttemptsResponse> getExportAttemptsMethod() {
    io.grpc.MethodDescriptor<io.hedgerow.usage.v1.ExportAttemptsRequest, io.hedgerow.usage.v1.ExportAttemptsResponse> getExportAttemptsMethod;
    if ((getExportAttemptsMethod = UsageServiceGrpc.getExportAttemptsMethod) == null) {
      synchronized (UsageServiceGrpc.class) {
        if ((getExportAttemptsMethod = UsageServiceGrpc.getExportAttemptsMethod) == null) {
          UsageServiceGrpc.getExportAttemptsMethod = getExportAttemptsMethod =
              io.grpc.MethodDescriptor.<io.hedgerow.usage.v1.ExportAttemptsRequest, io.hedgerow.usage.v1.ExportAttemptsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ExportAttempts"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.usage.v1.ExportAttemptsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.usage.v1.ExportAttemptsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new UsageServiceMethodDescriptorSupplier("ExportAttempts"))
              .build();
        }
      }
    }
    return getExportAttemptsMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static UsageServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<UsageServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<UsageServiceStub>() {
        @java.lang.Override
        public UsageServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new UsageServiceStub(channel, callOptions);
        }
      };
    return UsageServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static UsageServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<UsageServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<UsageServiceBlockingV2Stub>() {
        @java.lang.Override
        public UsageServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new UsageServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return UsageServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static UsageServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<UsageServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<UsageServiceBlockingStub>() {
        @java.lang.Override
        public UsageServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new UsageServiceBlockingStub(channel, callOptions);
        }
      };
    return UsageServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static UsageServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<UsageServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<UsageServiceFutureStub>() {
        @java.lang.Override
        public UsageServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new UsageServiceFutureStub(channel, callOptions);
        }
      };
    return UsageServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * UsageService tells what calls took and cost. Callers are told of their own tenant; those with a role that has
   * `all_tenants` of every one. All but ListBudgets need a ledger: without one in the configuration they are UNIMPLEMENTED;
   * while the store cannot be read they are UNAVAILABLE with ERROR_REASON_LEDGER_UNAVAILABLE.
   * The ledger is a few seconds behind the calls.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * QuerySpend sums up what calls took and cost, divided by anything that the ledger knows of them.
     * </pre>
     */
    default void querySpend(io.hedgerow.usage.v1.QuerySpendRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.usage.v1.QuerySpendResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getQuerySpendMethod(), responseObserver);
    }

    /**
     * <pre>
     * ListBudgets lists the limits that hold, and what is left of them.
     * </pre>
     */
    default void listBudgets(io.hedgerow.usage.v1.ListBudgetsRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.usage.v1.ListBudgetsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListBudgetsMethod(), responseObserver);
    }

    /**
     * <pre>
     * GetCall tells all that is known of one call.
     * </pre>
     */
    default void getCall(io.hedgerow.usage.v1.GetCallRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.usage.v1.GetCallResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetCallMethod(), responseObserver);
    }

    /**
     * <pre>
     * RepriceSpend tells what the attempts of a model would have cost with the prices of another: each of them is priced
     * again, by its own classes of tokens.
     * </pre>
     */
    default void repriceSpend(io.hedgerow.usage.v1.RepriceSpendRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.usage.v1.RepriceSpendResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getRepriceSpendMethod(), responseObserver);
    }

    /**
     * <pre>
     * GetStatement sums up a month: cost, discounts, savings and a forecast, by team.
     * </pre>
     */
    default void getStatement(io.hedgerow.usage.v1.GetStatementRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.usage.v1.GetStatementResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetStatementMethod(), responseObserver);
    }

    /**
     * <pre>
     * ExportAttempts lists attempts, oldest first, for another system.
     * </pre>
     */
    default void exportAttempts(io.hedgerow.usage.v1.ExportAttemptsRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.usage.v1.ExportAttemptsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getExportAttemptsMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service UsageService.
   * <pre>
   * UsageService tells what calls took and cost. Callers are told of their own tenant; those with a role that has
   * `all_tenants` of every one. All but ListBudgets need a ledger: without one in the configuration they are UNIMPLEMENTED;
   * while the store cannot be read they are UNAVAILABLE with ERROR_REASON_LEDGER_UNAVAILABLE.
   * The ledger is a few seconds behind the calls.
   * </pre>
   */
  public static abstract class UsageServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return UsageServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service UsageService.
   * <pre>
   * UsageService tells what calls took and cost. Callers are told of their own tenant; those with a role that has
   * `all_tenants` of every one. All but ListBudgets need a ledger: without one in the configuration they are UNIMPLEMENTED;
   * while the store cannot be read they are UNAVAILABLE with ERROR_REASON_LEDGER_UNAVAILABLE.
   * The ledger is a few seconds behind the calls.
   * </pre>
   */
  public static final class UsageServiceStub
      extends io.grpc.stub.AbstractAsyncStub<UsageServiceStub> {
    private UsageServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected UsageServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new UsageServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * QuerySpend sums up what calls took and cost, divided by anything that the ledger knows of them.
     * </pre>
     */
    public void querySpend(io.hedgerow.usage.v1.QuerySpendRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.usage.v1.QuerySpendResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getQuerySpendMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * ListBudgets lists the limits that hold, and what is left of them.
     * </pre>
     */
    public void listBudgets(io.hedgerow.usage.v1.ListBudgetsRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.usage.v1.ListBudgetsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListBudgetsMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * GetCall tells all that is known of one call.
     * </pre>
     */
    public void getCall(io.hedgerow.usage.v1.GetCallRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.usage.v1.GetCallResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetCallMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * RepriceSpend tells what the attempts of a model would have cost with the prices of another: each of them is priced
     * again, by its own classes of tokens.
     * </pre>
     */
    public void repriceSpend(io.hedgerow.usage.v1.RepriceSpendRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.usage.v1.RepriceSpendResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getRepriceSpendMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * GetStatement sums up a month: cost, discounts, savings and a forecast, by team.
     * </pre>
     */
    public void getStatement(io.hedgerow.usage.v1.GetStatementRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.usage.v1.GetStatementResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetStatementMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * ExportAttempts lists attempts, oldest first, for another system.
     * </pre>
     */
    public void exportAttempts(io.hedgerow.usage.v1.ExportAttemptsRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.usage.v1.ExportAttemptsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getExportAttemptsMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service UsageService.
   * <pre>
   * UsageService tells what calls took and cost. Callers are told of their own tenant; those with a role that has
   * `all_tenants` of every one. All but ListBudgets need a ledger: without one in the configuration they are UNIMPLEMENTED;
   * while the store cannot be read they are UNAVAILABLE with ERROR_REASON_LEDGER_UNAVAILABLE.
   * The ledger is a few seconds behind the calls.
   * </pre>
   */
  public static final class UsageServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<UsageServiceBlockingV2Stub> {
    private UsageServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected UsageServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new UsageServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * QuerySpend sums up what calls took and cost, divided by anything that the ledger knows of them.
     * </pre>
     */
    public io.hedgerow.usage.v1.QuerySpendResponse querySpend(io.hedgerow.usage.v1.QuerySpendRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getQuerySpendMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ListBudgets lists the limits that hold, and what is left of them.
     * </pre>
     */
    public io.hedgerow.usage.v1.ListBudgetsResponse listBudgets(io.hedgerow.usage.v1.ListBudgetsRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListBudgetsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * GetCall tells all that is known of one call.
     * </pre>
     */
    public io.hedgerow.usage.v1.GetCallResponse getCall(io.hedgerow.usage.v1.GetCallRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetCallMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * RepriceSpend tells what the attempts of a model would have cost with the prices of another: each of them is priced
     * again, by its own classes of tokens.
     * </pre>
     */
    public io.hedgerow.usage.v1.RepriceSpendResponse repriceSpend(io.hedgerow.usage.v1.RepriceSpendRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getRepriceSpendMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * GetStatement sums up a month: cost, discounts, savings and a forecast, by team.
     * </pre>
     */
    public io.hedgerow.usage.v1.GetStatementResponse getStatement(io.hedgerow.usage.v1.GetStatementRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetStatementMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ExportAttempts lists attempts, oldest first, for another system.
     * </pre>
     */
    public io.hedgerow.usage.v1.ExportAttemptsResponse exportAttempts(io.hedgerow.usage.v1.ExportAttemptsRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getExportAttemptsMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service UsageService.
   * <pre>
   * UsageService tells what calls took and cost. Callers are told of their own tenant; those with a role that has
   * `all_tenants` of every one. All but ListBudgets need a ledger: without one in the configuration they are UNIMPLEMENTED;
   * while the store cannot be read they are UNAVAILABLE with ERROR_REASON_LEDGER_UNAVAILABLE.
   * The ledger is a few seconds behind the calls.
   * </pre>
   */
  public static final class UsageServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<UsageServiceBlockingStub> {
    private UsageServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected UsageServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new UsageServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * QuerySpend sums up what calls took and cost, divided by anything that the ledger knows of them.
     * </pre>
     */
    public io.hedgerow.usage.v1.QuerySpendResponse querySpend(io.hedgerow.usage.v1.QuerySpendRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getQuerySpendMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ListBudgets lists the limits that hold, and what is left of them.
     * </pre>
     */
    public io.hedgerow.usage.v1.ListBudgetsResponse listBudgets(io.hedgerow.usage.v1.ListBudgetsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListBudgetsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * GetCall tells all that is known of one call.
     * </pre>
     */
    public io.hedgerow.usage.v1.GetCallResponse getCall(io.hedgerow.usage.v1.GetCallRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetCallMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * RepriceSpend tells what the attempts of a model would have cost with the prices of another: each of them is priced
     * again, by its own classes of tokens.
     * </pre>
     */
    public io.hedgerow.usage.v1.RepriceSpendResponse repriceSpend(io.hedgerow.usage.v1.RepriceSpendRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getRepriceSpendMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * GetStatement sums up a month: cost, discounts, savings and a forecast, by team.
     * </pre>
     */
    public io.hedgerow.usage.v1.GetStatementResponse getStatement(io.hedgerow.usage.v1.GetStatementRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetStatementMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ExportAttempts lists attempts, oldest first, for another system.
     * </pre>
     */
    public io.hedgerow.usage.v1.ExportAttemptsResponse exportAttempts(io.hedgerow.usage.v1.ExportAttemptsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getExportAttemptsMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service UsageService.
   * <pre>
   * UsageService tells what calls took and cost. Callers are told of their own tenant; those with a role that has
   * `all_tenants` of every one. All but ListBudgets need a ledger: without one in the configuration they are UNIMPLEMENTED;
   * while the store cannot be read they are UNAVAILABLE with ERROR_REASON_LEDGER_UNAVAILABLE.
   * The ledger is a few seconds behind the calls.
   * </pre>
   */
  public static final class UsageServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<UsageServiceFutureStub> {
    private UsageServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected UsageServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new UsageServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * QuerySpend sums up what calls took and cost, divided by anything that the ledger knows of them.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.hedgerow.usage.v1.QuerySpendResponse> querySpend(
        io.hedgerow.usage.v1.QuerySpendRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getQuerySpendMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * ListBudgets lists the limits that hold, and what is left of them.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.hedgerow.usage.v1.ListBudgetsResponse> listBudgets(
        io.hedgerow.usage.v1.ListBudgetsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListBudgetsMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * GetCall tells all that is known of one call.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.hedgerow.usage.v1.GetCallResponse> getCall(
        io.hedgerow.usage.v1.GetCallRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetCallMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * RepriceSpend tells what the attempts of a model would have cost with the prices of another: each of them is priced
     * again, by its own classes of tokens.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.hedgerow.usage.v1.RepriceSpendResponse> repriceSpend(
        io.hedgerow.usage.v1.RepriceSpendRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getRepriceSpendMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * GetStatement sums up a month: cost, discounts, savings and a forecast, by team.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.hedgerow.usage.v1.GetStatementResponse> getStatement(
        io.hedgerow.usage.v1.GetStatementRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetStatementMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * ExportAttempts lists attempts, oldest first, for another system.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.hedgerow.usage.v1.ExportAttemptsResponse> exportAttempts(
        io.hedgerow.usage.v1.ExportAttemptsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getExportAttemptsMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_QUERY_SPEND = 0;
  private static final int METHODID_LIST_BUDGETS = 1;
  private static final int METHODID_GET_CALL = 2;
  private static final int METHODID_REPRICE_SPEND = 3;
  private static final int METHODID_GET_STATEMENT = 4;
  private static final int METHODID_EXPORT_ATTEMPTS = 5;

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
        case METHODID_QUERY_SPEND:
          serviceImpl.querySpend((io.hedgerow.usage.v1.QuerySpendRequest) request,
              (io.grpc.stub.StreamObserver<io.hedgerow.usage.v1.QuerySpendResponse>) responseObserver);
          break;
        case METHODID_LIST_BUDGETS:
          serviceImpl.listBudgets((io.hedgerow.usage.v1.ListBudgetsRequest) request,
              (io.grpc.stub.StreamObserver<io.hedgerow.usage.v1.ListBudgetsResponse>) responseObserver);
          break;
        case METHODID_GET_CALL:
          serviceImpl.getCall((io.hedgerow.usage.v1.GetCallRequest) request,
              (io.grpc.stub.StreamObserver<io.hedgerow.usage.v1.GetCallResponse>) responseObserver);
          break;
        case METHODID_REPRICE_SPEND:
          serviceImpl.repriceSpend((io.hedgerow.usage.v1.RepriceSpendRequest) request,
              (io.grpc.stub.StreamObserver<io.hedgerow.usage.v1.RepriceSpendResponse>) responseObserver);
          break;
        case METHODID_GET_STATEMENT:
          serviceImpl.getStatement((io.hedgerow.usage.v1.GetStatementRequest) request,
              (io.grpc.stub.StreamObserver<io.hedgerow.usage.v1.GetStatementResponse>) responseObserver);
          break;
        case METHODID_EXPORT_ATTEMPTS:
          serviceImpl.exportAttempts((io.hedgerow.usage.v1.ExportAttemptsRequest) request,
              (io.grpc.stub.StreamObserver<io.hedgerow.usage.v1.ExportAttemptsResponse>) responseObserver);
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
          getQuerySpendMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.hedgerow.usage.v1.QuerySpendRequest,
              io.hedgerow.usage.v1.QuerySpendResponse>(
                service, METHODID_QUERY_SPEND)))
        .addMethod(
          getListBudgetsMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.hedgerow.usage.v1.ListBudgetsRequest,
              io.hedgerow.usage.v1.ListBudgetsResponse>(
                service, METHODID_LIST_BUDGETS)))
        .addMethod(
          getGetCallMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.hedgerow.usage.v1.GetCallRequest,
              io.hedgerow.usage.v1.GetCallResponse>(
                service, METHODID_GET_CALL)))
        .addMethod(
          getRepriceSpendMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.hedgerow.usage.v1.RepriceSpendRequest,
              io.hedgerow.usage.v1.RepriceSpendResponse>(
                service, METHODID_REPRICE_SPEND)))
        .addMethod(
          getGetStatementMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.hedgerow.usage.v1.GetStatementRequest,
              io.hedgerow.usage.v1.GetStatementResponse>(
                service, METHODID_GET_STATEMENT)))
        .addMethod(
          getExportAttemptsMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.hedgerow.usage.v1.ExportAttemptsRequest,
              io.hedgerow.usage.v1.ExportAttemptsResponse>(
                service, METHODID_EXPORT_ATTEMPTS)))
        .build();
  }

  private static abstract class UsageServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    UsageServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return io.hedgerow.usage.v1.UsageServiceProto.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("UsageService");
    }
  }

  private static final class UsageServiceFileDescriptorSupplier
      extends UsageServiceBaseDescriptorSupplier {
    UsageServiceFileDescriptorSupplier() {}
  }

  private static final class UsageServiceMethodDescriptorSupplier
      extends UsageServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    UsageServiceMethodDescriptorSupplier(java.lang.String methodName) {
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
      synchronized (UsageServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new UsageServiceFileDescriptorSupplier())
              .addMethod(getQuerySpendMethod())
              .addMethod(getListBudgetsMethod())
              .addMethod(getGetCallMethod())
              .addMethod(getRepriceSpendMethod())
              .addMethod(getGetStatementMethod())
              .addMethod(getExportAttemptsMethod())
              .build();
        }
      }
    }
    return result;
  }
}
