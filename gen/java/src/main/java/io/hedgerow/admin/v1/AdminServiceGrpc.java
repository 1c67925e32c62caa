package io.hedgerow.admin.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * AdminService is for operators: what a router is running on, how its candidates are doing, and what shall be off. It
 * is served on the admin port alone. What it tells and changes is this one process's: ask each replica.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class AdminServiceGrpc {

  private AdminServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "hedgerow.admin.v1.AdminService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<io.hedgerow.admin.v1.ReloadRequest,
      io.hedgerow.admin.v1.ReloadResponse> getReloadMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Reload",
      requestType = io.hedgerow.admin.v1.ReloadRequest.class,
      responseType = io.hedgerow.admin.v1.ReloadResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.hedgerow.admin.v1.ReloadRequest,
      io.hedgerow.admin.v1.ReloadResponse> getReloadMethod() {
    io.grpc.MethodDescriptor<io.hedgerow.admin.v1.ReloadRequest, io.hedgerow.admin.v1.ReloadResponse> getReloadMethod;
    if ((getReloadMethod = AdminServiceGrpc.getReloadMethod) == null) {
      synchronized (AdminServiceGrpc.class) {
        if ((getReloadMethod = AdminServiceGrpc.getReloadMethod) == null) {
          AdminServiceGrpc.getReloadMethod = getReloadMethod =
              io.grpc.MethodDescriptor.<io.hedgerow.admin.v1.ReloadRequest, io.hedgerow.admin.v1.ReloadResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Reload"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.admin.v1.ReloadRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.admin.v1.ReloadResponse.getDefaultInstance()))
              .setSchemaDescriptor(new AdminServiceMethodDescriptorSupplier("Reload"))
              .build();
        }
      }
    }
    return getReloadMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.hedgerow.admin.v1.PlanConfigRequest,
      io.hedgerow.admin.v1.PlanConfigResponse> getPlanConfigMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "PlanConfig",
      requestType = io.hedgerow.admin.v1.PlanConfigRequest.class,
      responseType = io.hedgerow.admin.v1.PlanConfigResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.hedgerow.admin.v1.PlanConfigRequest,
      io.hedgerow.admin.v1.PlanConfigResponse> getPlanConfigMethod() {
    io.grpc.MethodDescriptor<io.hedgerow.admin.v1.PlanConfigRequest, io.hedgerow.admin.v1.PlanConfigResponse> getPlanConfigMethod;
    if ((getPlanConfigMethod = AdminServiceGrpc.getPlanConfigMethod) == null) {
      synchronized (AdminServiceGrpc.class) {
        if ((getPlanConfigMethod = AdminServiceGrpc.getPlanConfigMethod) == null) {
          AdminServiceGrpc.getPlanConfigMethod = getPlanConfigMethod =
              io.grpc.MethodDescriptor.<io.hedgerow.admin.v1.PlanConfigRequest, io.hedgerow.admin.v1.PlanConfigResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "PlanConfig"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.admin.v1.PlanConfigRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.admin.v1.PlanConfigResponse.getDefaultInstance()))
              .setSchemaDescriptor(new AdminServiceMethodDescriptorSupplier("PlanConfig"))
              .build();
        }
      }
    }
    return getPlanConfigMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.hedgerow.admin.v1.RollbackConfigRequest,
      io.hedgerow.admin.v1.RollbackConfigResponse> getRollbackConfigMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "RollbackConfig",
      requestType = io.hedgerow.admin.v1.RollbackConfigRequest.class,
      responseType = io.hedgerow.admin.v1.RollbackConfigResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.hedgerow.admin.v1.RollbackConfigRequest,
      io.hedgerow.admin.v1.RollbackConfigResponse> getRollbackConfigMethod() {
    io.grpc.MethodDescriptor<io.hedgerow.admin.v1.RollbackConfigRequest, io.hedgerow.admin.v1.RollbackConfigResponse> getRollbackConfigMethod;
    if ((getRollbackConfigMethod = AdminServiceGrpc.getRollbackConfigMethod) == null) {
      synchronized (AdminServiceGrpc.class) {
        if ((getRollbackConfigMethod = AdminServiceGrpc.getRollbackConfigMethod) == null) {
          AdminServiceGrpc.getRollbackConfigMethod = getRollbackConfigMethod =
              io.grpc.MethodDescriptor.<io.hedgerow.admin.v1.RollbackConfigRequest, io.hedgerow.admin.v1.RollbackConfigResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "RollbackConfig"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.admin.v1.RollbackConfigRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.admin.v1.RollbackConfigResponse.getDefaultInstance()))
              .setSchemaDescriptor(new AdminServiceMethodDescriptorSupplier("RollbackConfig"))
              .build();
        }
      }
    }
    return getRollbackConfigMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.hedgerow.admin.v1.GetConfigRequest,
      io.hedgerow.admin.v1.GetConfigResponse> getGetConfigMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetConfig",
      requestType = io.hedgerow.admin.v1.GetConfigRequest.class,
      responseType = io.hedgerow.admin.v1.GetConfigResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.hedgerow.admin.v1.GetConfigRequest,
      io.hedgerow.admin.v1.GetConfigResponse> getGetConfigMethod() {
    io.grpc.MethodDescriptor<io.hedgerow.admin.v1.GetConfigRequest, io.hedgerow.admin.v1.GetConfigResponse> getGetConfigMethod;
    if ((getGetConfigMethod = AdminServiceGrpc.getGetConfigMethod) == null) {
      synchronized (AdminServiceGrpc.class) {
        if ((getGetConfigMethod = AdminServiceGrpc.getGetConfigMethod) == null) {
          AdminServiceGrpc.getGetConfigMethod = getGetConfigMethod =
              io.grpc.MethodDescriptor.<io.hedgerow.admin.v1.GetConfigRequest, io.hedgerow.admin.v1.GetConfigResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetConfig"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.admin.v1.GetConfigRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.admin.v1.GetConfigResponse.getDefaultInstance()))
              .setSchemaDescriptor(new AdminServiceMethodDescriptorSupplier("GetConfig"))
              .build();
        }
      }
    }
    return getGetConfigMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.hedgerow.admin.v1.ListCandidatesRequest,
      io.hedgerow.admin.v1.ListCandidatesResponse> getListCandidatesMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListCandidates",
      requestType = io.hedgerow.admin.v1.ListCandidatesRequest.class,
      responseType = io.hedgerow.admin.v1.ListCandidatesResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.hedgerow.admin.v1.ListCandidatesRequest,
      io.hedgerow.admin.v1.ListCandidatesResponse> getListCandidatesMethod() {
    io.grpc.MethodDescriptor<io.hedgerow.admin.v1.ListCandidatesRequest, io.hedgerow.admin.v1.ListCandidatesResponse> getListCandidatesMethod;
    if ((getListCandidatesMethod = AdminServiceGrpc.getListCandidatesMethod) == null) {
      synchronized (AdminServiceGrpc.class) {
        if ((getListCandidatesMethod = AdminServiceGrpc.getListCandidatesMethod) == null) {
          AdminServiceGrpc.getListCandidatesMethod = getListCandidatesMethod =
              io.grpc.MethodDescriptor.<io.hedgerow.admin.v1.ListCandidatesRequest, io.hedgerow.admin.v1.ListCandidatesResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListCandidates"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.admin.v1.ListCandidatesRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.admin.v1.ListCandidatesResponse.getDefaultInstance()))
              .setSchemaDescriptor(new AdminServiceMethodDescriptorSupplier("ListCandidates"))
              .build();
        }
      }
    }
    return getListCandidatesMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.hedgerow.admin.v1.SetKillSwitchRequest,
      io.hedgerow.admin.v1.SetKillSwitchResponse> getSetKillSwitchMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "SetKillSwitch",
      requestType = io.hedgerow.admin.v1.SetKillSwitchRequest.class,
      responseType = io.hedgerow.admin.v1.SetKillSwitchResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.hedgerow.admin.v1.SetKillSwitchRequest,
      io.hedgerow.admin.v1.SetKillSwitchResponse> getSetKillSwitchMethod() {
    io.grpc.MethodDescriptor<io.hedgerow.admin.v1.SetKillSwitchRequest, io.hedgerow.admin.v1.SetKillSwitchResponse> getSetKillSwitchMethod;
    if ((getSetKillSwitchMethod = AdminServiceGrpc.getSetKillSwitchMethod) == null) {
      synchronized (AdminServiceGrpc.class) {
        if ((getSetKillSwitchMethod = AdminServiceGrpc.getSetKillSwitchMethod) == null) {
          AdminServiceGrpc.getSetKillSwitchMethod = getSetKillSwitchMethod =
              io.grpc.MethodDescriptor.<io.hedgerow.admin.v1.SetKillSwitchRequest, io.hedgerow.admin.v1.SetKillSwitchResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "SetKillSwitch"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.admin.v1.SetKillSwitchRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.admin.v1.SetKillSwitchResponse.getDefaultInstance()))
              .setSchemaDescriptor(new AdminServiceMethodDescriptorSupplier("SetKillSwitch"))
              .build();
        }
      }
    }
    return getSetKillSwitchMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.hedgerow.admin.v1.ClearKillSwitchRequest,
      io.hedgerow.admin.v1.ClearKillSwitchResponse> getClearKillSwitchMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ClearKillSwitch",
      requestType = io.hedgerow.admin.v1.ClearKillSwitchRequest.class,
      responseType = io.hedgerow.admin.v1.ClearKillSwitchResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.hedgerow.admin.v1.ClearKillSwitchRequest,
      io.hedgerow.admin.v1.ClearKillSwitchResponse> getClearKillSwitchMethod() {
    io.grpc.MethodDescriptor<io.hedgerow.admin.v1.ClearKillSwitchRequest, io.hedgerow.admin.v1.ClearKillSwitchResponse> getClearKillSwitchMethod;
    if ((getClearKillSwitchMethod = AdminServiceGrpc.getClearKillSwitchMethod) == null) {
      synchronized (AdminServiceGrpc.class) {
        if ((getClearKillSwitchMethod = AdminServiceGrpc.getClearKillSwitchMethod) == null) {
          AdminServiceGrpc.getClearKillSwitchMethod = getClearKillSwitchMethod =
              io.grpc.MethodDescriptor.<io.hedgerow.admin.v1.ClearKillSwitchRequest, io.hedgerow.admin.v1.ClearKillSwitchResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ClearKillSwitch"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.admin.v1.ClearKillSwitchRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.admin.v1.ClearKillSwitchResponse.getDefaultInstance()))
              .setSchemaDescriptor(new AdminServiceMethodDescriptorSupplier("ClearKillSwitch"))
              .build();
        }
      }
    }
    return getClearKillSwitchMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.hedgerow.admin.v1.ListKillSwitchesRequest,
      io.hedgerow.admin.v1.ListKillSwitchesResponse> getListKillSwitchesMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListKillSwitches",
      requestType = io.hedgerow.admin.v1.ListKillSwitchesRequest.class,
      responseType = io.hedgerow.admin.v1.ListKillSwitchesResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.hedgerow.admin.v1.ListKillSwitchesRequest,
      io.hedgerow.admin.v1.ListKillSwitchesResponse> getListKillSwitchesMethod() {
    io.grpc.MethodDescriptor<io.hedgerow.admin.v1.ListKillSwitchesRequest, io.hedgerow.admin.v1.ListKillSwitchesResponse> getListKillSwitchesMethod;
    if ((getListKillSwitchesMethod = AdminServiceGrpc.getListKillSwitchesMethod) == null) {
      synchronized (AdminServiceGrpc.class) {
        if ((getListKillSwitchesMethod = AdminServiceGrpc.getListKillSwitchesMethod) == null) {
          AdminServiceGrpc.getListKillSwitchesMethod = getListKillSwitchesMethod =
              io.grpc.MethodDescriptor.<io.hedgerow.admin.v1.ListKillSwitchesRequest, io.hedgerow.admin.v1.ListKillSwitchesResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListKillSwitches"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.admin.v1.ListKillSwitchesRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.admin.v1.ListKillSwitchesResponse.getDefaultInstance()))
              .setSchemaDescriptor(new AdminServiceMethodDescriptorSupplier("ListKillSwitches"))
              .build();
        }
      }
    }
    return getListKillSwitchesMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.hedgerow.admin.v1.CreateKeyRequest,
      io.hedgerow.admin.v1.CreateKeyResponse> getCreateKeyMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "CreateKey",
      requestType = io.hedgerow.admin.v1.CreateKeyRequest.class,
      responseType = io.hedgerow.admin.v1.CreateKeyResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.hedgerow.admin.v1.CreateKeyRequest,
      io.hedgerow.admin.v1.CreateKeyResponse> getCreateKeyMethod() {
    io.grpc.MethodDescriptor<io.hedgerow.admin.v1.CreateKeyRequest, io.hedgerow.admin.v1.CreateKeyResponse> getCreateKeyMethod;
    if ((getCreateKeyMethod = AdminServiceGrpc.getCreateKeyMethod) == null) {
      synchronized (AdminServiceGrpc.class) {
        if ((getCreateKeyMethod = AdminServiceGrpc.getCreateKeyMethod) == null) {
          AdminServiceGrpc.getCreateKeyMethod = getCreateKeyMethod =
              io.grpc.MethodDescriptor.<io.hedgerow.admin.v1.CreateKeyRequest, io.hedgerow.admin.v1.CreateKeyResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "CreateKey"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.admin.v1.CreateKeyRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.admin.v1.CreateKeyResponse.getDefaultInstance()))
              .setSchemaDescriptor(new AdminServiceMethodDescriptorSupplier("CreateKey"))
              .build();
        }
      }
    }
    return getCreateKeyMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.hedgerow.admin.v1.ListKeysRequest,
      io.hedgerow.admin.v1.ListKeysResponse> getListKeysMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListKeys",
      requestType = io.hedgerow.admin.v1.ListKeysRequest.class,
      responseType = io.hedgerow.admin.v1.ListKeysResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.hedgerow.admin.v1.ListKeysRequest,
      io.hedgerow.admin.v1.ListKeysResponse> getListKeysMethod() {
    io.grpc.MethodDescriptor<io.hedgerow.admin.v1.ListKeysRequest, io.hedgerow.admin.v1.ListKeysResponse> getListKeysMethod;
    if ((getListKeysMethod = AdminServiceGrpc.getListKeysMethod) == null) {
      synchronized (AdminServiceGrpc.class) {
        if ((getListKeysMethod = AdminServiceGrpc.getListKeysMethod) == null) {
          AdminServiceGrpc.getListKeysMethod = getListKeysMethod =
              io.grpc.MethodDescriptor.<io.hedgerow.admin.v1.ListKeysRequest, io.hedgerow.admin.v1.ListKeysResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListKeys"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.admin.v1.ListKeysRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.admin.v1.ListKeysResponse.getDefaultInstance()))
              .setSchemaDescriptor(new AdminServiceMethodDescriptorSupplier("ListKeys"))
              .build();
        }
      }
    }
    return getListKeysMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.hedgerow.admin.v1.GetKeyRequest,
      io.hedgerow.admin.v1.GetKeyResponse> getGetKeyMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetKey",
      requestType = io.hedgerow.admin.v1.GetKeyRequest.class,
      responseType = io.hedgerow.admin.v1.GetKeyResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.hedgerow.admin.v1.GetKeyRequest,
      io.hedgerow.admin.v1.GetKeyResponse> getGetKeyMethod() {
    io.grpc.MethodDescriptor<io.hedgerow.admin.v1.GetKeyRequest, io.hedgerow.admin.v1.GetKeyResponse> getGetKeyMethod;
    if ((getGetKeyMethod = AdminServiceGrpc.getGetKeyMethod) == null) {
      synchronized (AdminServiceGrpc.class) {
        if ((getGetKeyMethod = AdminServiceGrpc.getGetKeyMethod) == null) {
          AdminServiceGrpc.getGetKeyMethod = getGetKeyMethod =
              io.grpc.MethodDescriptor.<io.hedgerow.admin.v1.GetKeyRequest, io.hedgerow.admin.v1.GetKeyResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetKey"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.admin.v1.GetKeyRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.admin.v1.GetKeyResponse.getDefaultInstance()))
              .setSchemaDescriptor(new AdminServiceMethodDescriptorSupplier("GetKey"))
              .build();
        }
      }
    }
    return getGetKeyMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.hedgerow.admin.v1.RotateKeyRequest,
      io.hedgerow.admin.v1.RotateKeyResponse> getRotateKeyMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "RotateKey",
      requestType = io.hedgerow.admin.v1.RotateKeyRequest.class,
      responseType = io.hedgerow.admin.v1.RotateKeyResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.hedgerow.admin.v1.RotateKeyRequest,
      io.hedgerow.admin.v1.RotateKeyResponse> getRotateKeyMethod() {
    io.grpc.MethodDescriptor<io.hedgerow.admin.v1.RotateKeyRequest, io.hedgerow.admin.v1.RotateKeyResponse> getRotateKeyMethod;
    if ((getRotateKeyMethod = AdminServiceGrpc.getRotateKeyMethod) == null) {
      synchronized (AdminServiceGrpc.class) {
        if ((getRotateKeyMethod = AdminServiceGrpc.getRotateKeyMethod) == null) {
          AdminServiceGrpc.getRotateKeyMethod = getRotateKeyMethod =
              io.grpc.MethodDescriptor.<io.hedgerow.admin.v1.RotateKeyRequest, io.hedgerow.admin.v1.RotateKeyResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "RotateKey"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.admin.v1.RotateKeyRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.admin.v1.RotateKeyResponse.getDefaultInstance()))
              .setSchemaDescriptor(new AdminServiceMethodDescriptorSupplier("RotateKey"))
              .build();
        }
      }
    }
    return getRotateKeyMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.hedgerow.admin.v1.RevokeKeyRequest,
      io.hedgerow.admin.v1.RevokeKeyResponse> getRevokeKeyMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "RevokeKey",
      requestType = io.hedgerow.admin.v1.RevokeKeyRequest.class,
      responseType = io.hedgerow.admin.v1.RevokeKeyResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.hedgerow.admin.v1.RevokeKeyRequest,
      io.hedgerow.admin.v1.RevokeKeyResponse> getRevokeKeyMethod() {
    io.grpc.MethodDescriptor<io.hedgerow.admin.v1.RevokeKeyRequest, io.hedgerow.admin.v1.RevokeKeyResponse> getRevokeKeyMethod;
    if ((getRevokeKeyMethod = AdminServiceGrpc.getRevokeKeyMethod) == null) {
      synchronized (AdminServiceGrpc.class) {
        if ((getRevokeKeyMethod = AdminServiceGrpc.getRevokeKeyMethod) == null) {
          AdminServiceGrpc.getRevokeKeyMethod = getRevokeKeyMethod =
              io.grpc.MethodDescriptor.<io.hedgerow.admin.v1.RevokeKeyRequest, io.hedgerow.admin.v1.RevokeKeyResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "RevokeKey"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.admin.v1.RevokeKeyRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.admin.v1.RevokeKeyResponse.getDefaultInstance()))
              .setSchemaDescriptor(new AdminServiceMethodDescriptorSupplier("RevokeKey"))
              .build();
        }
      }
    }
    return getRevokeKeyMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.hedgerow.admin.v1.ListAuditRowsRequest,
      io.hedgerow.admin.v1.ListAuditRowsResponse> getListAuditRowsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListAuditRows",
      requestType = io.hedgerow.admin.v1.ListAuditRowsRequest.class,
      responseType = io.hedgerow.admin.v1.ListAuditRowsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.hedgerow.admin.v1.ListAuditRowsRequest,
      io.hedgerow.admin.v1.ListAuditRowsResponse> getListAuditRowsMethod() {
    io.grpc.MethodDescriptor<io.hedgerow.admin.v1.ListAuditRowsRequest, io.hedgerow.admin.v1.ListAuditRowsResponse> getListAuditRowsMethod;
    if ((getListAuditRowsMethod = AdminServiceGrpc.getListAuditRowsMethod) == null) {
      synchronized (AdminServiceGrpc.class) {
        if ((getListAuditRowsMethod = AdminServiceGrpc.getListAuditRowsMethod) == null) {
          AdminServiceGrpc.getListAuditRowsMethod = getListAuditRowsMethod =
              io.grpc.MethodDescriptor.<io.hedgerow.admin.v1.ListAuditRowsRequest, io.hedgerow.admin.v1.ListAuditRowsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListAuditRows"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.admin.v1.ListAuditRowsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.admin.v1.ListAuditRowsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new AdminServiceMethodDescriptorSupplier("ListAuditRows"))
              .build();
        }
      }
    }
    return getListAuditRowsMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.hedgerow.admin.v1.VerifyAuditRequest,
      io.hedgerow.admin.v1.VerifyAuditResponse> getVerifyAuditMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "VerifyAudit",
      requestType = io.hedgerow.admin.v1.VerifyAuditRequest.class,
      responseType = io.hedgerow.admin.v1.VerifyAuditResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.hedgerow.admin.v1.VerifyAuditRequest,
      io.hedgerow.admin.v1.VerifyAuditResponse> getVerifyAuditMethod() {
    io.grpc.MethodDescriptor<io.hedgerow.admin.v1.VerifyAuditRequest, io.hedgerow.admin.v1.VerifyAuditResponse> getVerifyAuditMethod;
    if ((getVerifyAuditMethod = AdminServiceGrpc.getVerifyAuditMethod) == null) {
      synchronized (AdminServiceGrpc.class) {
        if ((getVerifyAuditMethod = AdminServiceGrpc.getVerifyAuditMethod) == null) {
          AdminServiceGrpc.getVerifyAuditMethod = getVerifyAuditMethod =
              io.grpc.MethodDescriptor.<io.hedgerow.admin.v1.VerifyAuditRequest, io.hedgerow.admin.v1.VerifyAuditResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "VerifyAudit"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.admin.v1.VerifyAuditRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.admin.v1.VerifyAuditResponse.getDefaultInstance()))
              .setSchemaDescriptor(new AdminServiceMethodDescriptorSupplier("VerifyAudit"))
              .build();
        }
      }
    }
    return getVerifyAuditMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.hedgerow.admin.v1.EraseUserRequest,
      io.hedgerow.admin.v1.EraseUserResponse> getEraseUserMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "EraseUser",
      requestType = io.hedgerow.admin.v1.EraseUserRequest.class,
      responseType = io.hedgerow.admin.v1.EraseUserResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.hedgerow.admin.v1.EraseUserRequest,
      io.hedgerow.admin.v1.EraseUserResponse> getEraseUserMethod() {
    io.grpc.MethodDescriptor<io.hedgerow.admin.v1.EraseUserRequest, io.hedgerow.admin.v1.EraseUserResponse> getEraseUserMethod;
    if ((getEraseUserMethod = AdminServiceGrpc.getEraseUserMethod) == null) {
      synchronized (AdminServiceGrpc.class) {
        if ((getEraseUserMethod = AdminServiceGrpc.getEraseUserMethod) == null) {
          AdminServiceGrpc.getEraseUserMethod = getEraseUserMethod =
              io.grpc.MethodDescriptor.<io.hedgerow.admin.v1.EraseUserRequest, io.hedgerow.admin.v1.EraseUserResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "EraseUser"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.admin.v1.EraseUserRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.admin.v1.EraseUserResponse.getDefaultInstance()))
              .setSchemaDescriptor(new AdminServiceMethodDescriptorSupplier("EraseUser"))
              .build();
        }
      }
    }
    return getEraseUserMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.hedgerow.admin.v1.ListCredentialsRequest,
      io.hedgerow.admin.v1.ListCredentialsResponse> getListCredentialsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListCredentials",
      requestType = io.hedgerow.admin.v1.ListCredentialsRequest.class,
      responseType = io.hedgerow.admin.v1.ListCredentialsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.hedgerow.admin.v1.ListCredentialsRequest,
      io.hedgerow.admin.v1.ListCredentialsResponse> getListCredentialsMethod() {
    io.grpc.MethodDescriptor<io.hedgerow.admin.v1.ListCredentialsRequest, io.hedgerow.admin.v1.ListCredentialsResponse> getListCredentialsMethod;
    if ((getListCredentialsMethod = AdminServiceGrpc.getListCredentialsMethod) == null) {
      synchronized (AdminServiceGrpc.class) {
        if ((getListCredentialsMethod = AdminServiceGrpc.getListCredentialsMethod) == null) {
          AdminServiceGrpc.getListCredentialsMethod = getListCredentialsMethod =
              io.grpc.MethodDescriptor.<io.hedgerow.admin.v1.ListCredentialsRequest, io.hedgerow.admin.v1.ListCredentialsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListCredentials"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.admin.v1.ListCredentialsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.admin.v1.ListCredentialsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new AdminServiceMethodDescriptorSupplier("ListCredentials"))
              .build();
        }
      }
    }
    return getListCredentialsMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.hedgerow.admin.v1.RefreshCredentialRequest,
      io.hedgerow.admin.v1.RefreshCredentialResponse> getRefreshCredentialMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "RefreshCredential",
      requestType = io.hedgerow.admin.v1.RefreshCredentialRequest.class,
      responseType = io.hedgerow.admin.v1.RefreshCredentialResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.hedgerow.admin.v1.RefreshCredentialRequest,
      io.hedgerow.admin.v1.RefreshCredentialResponse> getRefreshCredentialMethod() {
    io.grpc.MethodDescriptor<io.hedgerow.admin.v1.RefreshCredentialRequest, io.hedgerow.admin.v1.RefreshCredentialResponse> getRefreshCredentialMethod;
    if ((getRefreshCredentialMethod = AdminServiceGrpc.getRefreshCredentialMethod) == null) {
      synchronized (AdminServiceGrpc.class) {
        if ((getRefreshCredentialMethod = AdminServiceGrpc.getRefreshCredentialMethod) == null) {
          AdminServiceGrpc.getRefreshCredentialMethod = getRefreshCredentialMethod =
              io.grpc.MethodDescriptor.<io.hedgerow.admin.v1.RefreshCredentialRequest, io.hedgerow.admin.v1.RefreshCredentialResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "RefreshCredential"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.admin.v1.RefreshCredentialRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.hedgerow.admin.v1.RefreshCredentialResponse.getDefaultInstance()))
              .setSchemaDescriptor(new AdminServiceMethodDescriptorSupplier("RefreshCredential"))
              .build();
        }
      }
    }
    return getRefreshCredentialMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static AdminServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<AdminServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<AdminServiceStub>() {
        @java.lang.Override
        public AdminServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new AdminServiceStub(channel, callOptions);
        }
      };
    return AdminServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static AdminServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<AdminServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<AdminServiceBlockingV2Stub>() {
        @java.lang.Override
        public AdminServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new AdminServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return AdminServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static AdminServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<AdminServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<AdminServiceBlockingStub>() {
        @java.lang.Override
        public AdminServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new AdminServiceBlockingStub(channel, callOptions);
        }
      };
    return AdminServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static AdminServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<AdminServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<AdminServiceFutureStub>() {
        @java.lang.Override
        public AdminServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new AdminServiceFutureStub(channel, callOptions);
        }
      };
    return AdminServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * AdminService is for operators: what a router is running on, how its candidates are doing, and what shall be off. It
   * is served on the admin port alone. What it tells and changes is this one process's: ask each replica.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * Reload reads the configuration file again and puts what it says in force at once; calls in flight finish on what
     * they began with. A file that cannot be used changes nothing: FAILED_PRECONDITION with ERROR_REASON_CONFIG_INVALID,
     * and google.rpc.BadRequest says what is wrong where. A secret that cannot be fetched while the one in force can is
     * UNAVAILABLE with ERROR_REASON_CREDENTIAL_UNAVAILABLE, and changes nothing either. A reload that has begun goes on
     * when its caller leaves.
     * </pre>
     */
    default void reload(io.hedgerow.admin.v1.ReloadRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.ReloadResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getReloadMethod(), responseObserver);
    }

    /**
     * <pre>
     * PlanConfig tells what another configuration would change, and changes nothing. It is checked as a reload would check
     * it, on this router: with its extras and its files. No secret is fetched for it. One that cannot be used is
     * FAILED_PRECONDITION with ERROR_REASON_CONFIG_INVALID, as for Reload.
     * </pre>
     */
    default void planConfig(io.hedgerow.admin.v1.PlanConfigRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.PlanConfigResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getPlanConfigMethod(), responseObserver);
    }

    /**
     * <pre>
     * RollbackConfig puts a configuration in force again that was in force before, by the way that a reload takes: the last
     * good one, or one of those that GetConfig tells of. It stays until the file says something else than it did, or a
     * reload is asked for; a restart reads the file. NOT_FOUND with ERROR_REASON_CONFIG_NOT_KEPT where there is none;
     * secrets that cannot be fetched are as for Reload. Each router has its own.
     * </pre>
     */
    default void rollbackConfig(io.hedgerow.admin.v1.RollbackConfigRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.RollbackConfigResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getRollbackConfigMethod(), responseObserver);
    }

    /**
     * <pre>
     * GetConfig tells which configuration is in force, and what came of the last reload; and to
     * which ones it can go back.
     * </pre>
     */
    default void getConfig(io.hedgerow.admin.v1.GetConfigRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.GetConfigResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetConfigMethod(), responseObserver);
    }

    /**
     * <pre>
     * ListCandidates tells how every candidate of the routes has been doing: breakers, rests, latencies. Of names behind
     * "/&#42;" only those that were called are candidates yet.
     * </pre>
     */
    default void listCandidates(io.hedgerow.admin.v1.ListCandidatesRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.ListCandidatesResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListCandidatesMethod(), responseObserver);
    }

    /**
     * <pre>
     * SetKillSwitch switches a provider, a model or a tenant off, at once: for new calls, and for further attempts of
     * calls in flight. Attempts that are under way go on. What is off stays off over reloads, not over a restart. To
     * switch off what is off already replaces its reason.
     * </pre>
     */
    default void setKillSwitch(io.hedgerow.admin.v1.SetKillSwitchRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.SetKillSwitchResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getSetKillSwitchMethod(), responseObserver);
    }

    /**
     * <pre>
     * ClearKillSwitch switches on again, at once.
     * </pre>
     */
    default void clearKillSwitch(io.hedgerow.admin.v1.ClearKillSwitchRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.ClearKillSwitchResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getClearKillSwitchMethod(), responseObserver);
    }

    /**
     * <pre>
     * ListKillSwitches tells what is switched off.
     * </pre>
     */
    default void listKillSwitches(io.hedgerow.admin.v1.ListKillSwitchesRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.ListKillSwitchesResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListKillSwitchesMethod(), responseObserver);
    }

    /**
     * <pre>
     * CreateKey makes an API key. It is good at once here, and elsewhere as soon as the other routers have asked the store:
     * within a second by default. UNIMPLEMENTED where the configuration has no API keys, UNAVAILABLE with
     * ERROR_REASON_IDENTITY_UNAVAILABLE while the store is away; so are the other RPCs for keys.
     * </pre>
     */
    default void createKey(io.hedgerow.admin.v1.CreateKeyRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.CreateKeyResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getCreateKeyMethod(), responseObserver);
    }

    /**
     * <pre>
     * ListKeys tells of the keys, never a key itself.
     * </pre>
     */
    default void listKeys(io.hedgerow.admin.v1.ListKeysRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.ListKeysResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListKeysMethod(), responseObserver);
    }

    /**
     * <pre>
     * GetKey tells of one key, never the key itself. NOT_FOUND with ERROR_REASON_KEY_NOT_FOUND for an unknown one, such as
     * one that ended so long ago that it was forgotten.
     * </pre>
     */
    default void getKey(io.hedgerow.admin.v1.GetKeyRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.GetKeyResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetKeyMethod(), responseObserver);
    }

    /**
     * <pre>
     * RotateKey makes a key with all that another one has, and lets that one end after an overlap. NOT_FOUND with
     * ERROR_REASON_KEY_NOT_FOUND for an unknown key, FAILED_PRECONDITION with ERROR_REASON_KEY_ENDED for one that has ended.
     * </pre>
     */
    default void rotateKey(io.hedgerow.admin.v1.RotateKeyRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.RotateKeyResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getRotateKeyMethod(), responseObserver);
    }

    /**
     * <pre>
     * RevokeKey ends a key: here at once, elsewhere as soon as the other routers have asked the store. Calls that are
     * under way go on. NOT_FOUND with ERROR_REASON_KEY_NOT_FOUND for an unknown key.
     * </pre>
     */
    default void revokeKey(io.hedgerow.admin.v1.RevokeKeyRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.RevokeKeyResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getRevokeKeyMethod(), responseObserver);
    }

    /**
     * <pre>
     * ListAuditRows tells what operators have done. UNIMPLEMENTED where the configuration has no store; so is VerifyAudit.
     * </pre>
     */
    default void listAuditRows(io.hedgerow.admin.v1.ListAuditRowsRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.ListAuditRowsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListAuditRowsMethod(), responseObserver);
    }

    /**
     * <pre>
     * VerifyAudit reads all of the audit log and says whether it is what was written.
     * </pre>
     */
    default void verifyAudit(io.hedgerow.admin.v1.VerifyAuditRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.VerifyAuditResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getVerifyAuditMethod(), responseObserver);
    }

    /**
     * <pre>
     * EraseUser erases what is kept of a user. His API keys end, and they and the rows of the audit log lose what names
     * him: who he was goes, what was done stays, and VerifyAudit still holds. Once it has answered, what is kept of him in
     * databases, in Redis and in the memory of this router is gone. What other routers on the same store hold in memory goes
     * as soon as they have asked the store, as with RevokeKey: within `identity.api_keys.refresh_seconds` (without API keys
     * 1 s) and the time of a query, or that long after they can ask it again. For an hour no cache keeps anything new of him,
     * since calls may be under way. Lines that were logged elsewhere are not reached. UNAVAILABLE with
     * ERROR_REASON_IDENTITY_UNAVAILABLE where a store is away: some of it may be erased then. To call it again does no harm,
     * and finds what has come since.
     * </pre>
     */
    default void eraseUser(io.hedgerow.admin.v1.EraseUserRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.EraseUserResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getEraseUserMethod(), responseObserver);
    }

    /**
     * <pre>
     * ListCredentials tells where the secrets for the providers come from, how old they are and how they are doing; never a
     * secret itself.
     * </pre>
     */
    default void listCredentials(io.hedgerow.admin.v1.ListCredentialsRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.ListCredentialsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListCredentialsMethod(), responseObserver);
    }

    /**
     * <pre>
     * RefreshCredential fetches a secret anew at once; calls use what comes from then on, and one that was set aside is
     * tried again with the next call. NOT_FOUND with ERROR_REASON_CREDENTIAL_NOT_FOUND for an unknown name; UNAVAILABLE with
     * ERROR_REASON_CREDENTIAL_UNAVAILABLE where the source has none: the last good secret then stays in use.
     * </pre>
     */
    default void refreshCredential(io.hedgerow.admin.v1.RefreshCredentialRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.RefreshCredentialResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getRefreshCredentialMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service AdminService.
   * <pre>
   * AdminService is for operators: what a router is running on, how its candidates are doing, and what shall be off. It
   * is served on the admin port alone. What it tells and changes is this one process's: ask each replica.
   * </pre>
   */
  public static abstract class AdminServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return AdminServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service AdminService.
   * <pre>
   * AdminService is for operators: what a router is running on, how its candidates are doing, and what shall be off. It
   * is served on the admin port alone. What it tells and changes is this one process's: ask each replica.
   * </pre>
   */
  public static final class AdminServiceStub
      extends io.grpc.stub.AbstractAsyncStub<AdminServiceStub> {
    private AdminServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected AdminServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new AdminServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * Reload reads the configuration file again and puts what it says in force at once; calls in flight finish on what
     * they began with. A file that cannot be used changes nothing: FAILED_PRECONDITION with ERROR_REASON_CONFIG_INVALID,
     * and google.rpc.BadRequest says what is wrong where. A secret that cannot be fetched while the one in force can is
     * UNAVAILABLE with ERROR_REASON_CREDENTIAL_UNAVAILABLE, and changes nothing either. A reload that has begun goes on
     * when its caller leaves.
     * </pre>
     */
    public void reload(io.hedgerow.admin.v1.ReloadRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.ReloadResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getReloadMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * PlanConfig tells what another configuration would change, and changes nothing. It is checked as a reload would check
     * it, on this router: with its extras and its files. No secret is fetched for it. One that cannot be used is
     * FAILED_PRECONDITION with ERROR_REASON_CONFIG_INVALID, as for Reload.
     * </pre>
     */
    public void planConfig(io.hedgerow.admin.v1.PlanConfigRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.PlanConfigResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getPlanConfigMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * RollbackConfig puts a configuration in force again that was in force before, by the way that a reload takes: the last
     * good one, or one of those that GetConfig tells of. It stays until the file says something else than it did, or a
     * reload is asked for; a restart reads the file. NOT_FOUND with ERROR_REASON_CONFIG_NOT_KEPT where there is none;
     * secrets that cannot be fetched are as for Reload. Each router has its own.
     * </pre>
     */
    public void rollbackConfig(io.hedgerow.admin.v1.RollbackConfigRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.RollbackConfigResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getRollbackConfigMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * GetConfig tells which configuration is in force, and what came of the last reload; and to
     * which ones it can go back.
     * </pre>
     */
    public void getConfig(io.hedgerow.admin.v1.GetConfigRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.GetConfigResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetConfigMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * ListCandidates tells how every candidate of the routes has been doing: breakers, rests, latencies. Of names behind
     * "/&#42;" only those that were called are candidates yet.
     * </pre>
     */
    public void listCandidates(io.hedgerow.admin.v1.ListCandidatesRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.ListCandidatesResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListCandidatesMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * SetKillSwitch switches a provider, a model or a tenant off, at once: for new calls, and for further attempts of
     * calls in flight. Attempts that are under way go on. What is off stays off over reloads, not over a restart. To
     * switch off what is off already replaces its reason.
     * </pre>
     */
    public void setKillSwitch(io.hedgerow.admin.v1.SetKillSwitchRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.SetKillSwitchResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getSetKillSwitchMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * ClearKillSwitch switches on again, at once.
     * </pre>
     */
    public void clearKillSwitch(io.hedgerow.admin.v1.ClearKillSwitchRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.ClearKillSwitchResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getClearKillSwitchMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * ListKillSwitches tells what is switched off.
     * </pre>
     */
    public void listKillSwitches(io.hedgerow.admin.v1.ListKillSwitchesRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.ListKillSwitchesResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListKillSwitchesMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * CreateKey makes an API key. It is good at once here, and elsewhere as soon as the other routers have asked the store:
     * within a second by default. UNIMPLEMENTED where the configuration has no API keys, UNAVAILABLE with
     * ERROR_REASON_IDENTITY_UNAVAILABLE while the store is away; so are the other RPCs for keys.
     * </pre>
     */
    public void createKey(io.hedgerow.admin.v1.CreateKeyRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.CreateKeyResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getCreateKeyMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * ListKeys tells of the keys, never a key itself.
     * </pre>
     */
    public void listKeys(io.hedgerow.admin.v1.ListKeysRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.ListKeysResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListKeysMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * GetKey tells of one key, never the key itself. NOT_FOUND with ERROR_REASON_KEY_NOT_FOUND for an unknown one, such as
     * one that ended so long ago that it was forgotten.
     * </pre>
     */
    public void getKey(io.hedgerow.admin.v1.GetKeyRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.GetKeyResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetKeyMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * RotateKey makes a key with all that another one has, and lets that one end after an overlap. NOT_FOUND with
     * ERROR_REASON_KEY_NOT_FOUND for an unknown key, FAILED_PRECONDITION with ERROR_REASON_KEY_ENDED for one that has ended.
     * </pre>
     */
    public void rotateKey(io.hedgerow.admin.v1.RotateKeyRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.RotateKeyResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getRotateKeyMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * RevokeKey ends a key: here at once, elsewhere as soon as the other routers have asked the store. Calls that are
     * under way go on. NOT_FOUND with ERROR_REASON_KEY_NOT_FOUND for an unknown key.
     * </pre>
     */
    public void revokeKey(io.hedgerow.admin.v1.RevokeKeyRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.RevokeKeyResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getRevokeKeyMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * ListAuditRows tells what operators have done. UNIMPLEMENTED where the configuration has no store; so is VerifyAudit.
     * </pre>
     */
    public void listAuditRows(io.hedgerow.admin.v1.ListAuditRowsRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.ListAuditRowsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListAuditRowsMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * VerifyAudit reads all of the audit log and says whether it is what was written.
     * </pre>
     */
    public void verifyAudit(io.hedgerow.admin.v1.VerifyAuditRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.VerifyAuditResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getVerifyAuditMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * EraseUser erases what is kept of a user. His API keys end, and they and the rows of the audit log lose what names
     * him: who he was goes, what was done stays, and VerifyAudit still holds. Once it has answered, what is kept of him in
     * databases, in Redis and in the memory of this router is gone. What other routers on the same store hold in memory goes
     * as soon as they have asked the store, as with RevokeKey: within `identity.api_keys.refresh_seconds` (without API keys
     * 1 s) and the time of a query, or that long after they can ask it again. For an hour no cache keeps anything new of him,
     * since calls may be under way. Lines that were logged elsewhere are not reached. UNAVAILABLE with
     * ERROR_REASON_IDENTITY_UNAVAILABLE where a store is away: some of it may be erased then. To call it again does no harm,
     * and finds what has come since.
     * </pre>
     */
    public void eraseUser(io.hedgerow.admin.v1.EraseUserRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.EraseUserResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getEraseUserMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * ListCredentials tells where the secrets for the providers come from, how old they are and how they are doing; never a
     * secret itself.
     * </pre>
     */
    public void listCredentials(io.hedgerow.admin.v1.ListCredentialsRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.ListCredentialsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListCredentialsMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * RefreshCredential fetches a secret anew at once; calls use what comes from then on, and one that was set aside is
     * tried again with the next call. NOT_FOUND with ERROR_REASON_CREDENTIAL_NOT_FOUND for an unknown name; UNAVAILABLE with
     * ERROR_REASON_CREDENTIAL_UNAVAILABLE where the source has none: the last good secret then stays in use.
     * </pre>
     */
    public void refreshCredential(io.hedgerow.admin.v1.RefreshCredentialRequest request,
        io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.RefreshCredentialResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getRefreshCredentialMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service AdminService.
   * <pre>
   * AdminService is for operators: what a router is running on, how its candidates are doing, and what shall be off. It
   * is served on the admin port alone. What it tells and changes is this one process's: ask each replica.
   * </pre>
   */
  public static final class AdminServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<AdminServiceBlockingV2Stub> {
    private AdminServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected AdminServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new AdminServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * Reload reads the configuration file again and puts what it says in force at once; calls in flight finish on what
     * they began with. A file that cannot be used changes nothing: FAILED_PRECONDITION with ERROR_REASON_CONFIG_INVALID,
     * and google.rpc.BadRequest says what is wrong where. A secret that cannot be fetched while the one in force can is
     * UNAVAILABLE with ERROR_REASON_CREDENTIAL_UNAVAILABLE, and changes nothing either. A reload that has begun goes on
     * when its caller leaves.
     * </pre>
     */
    public io.hedgerow.admin.v1.ReloadResponse reload(io.hedgerow.admin.v1.ReloadRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getReloadMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * PlanConfig tells what another configuration would change, and changes nothing. It is checked as a reload would check
     * it, on this router: with its extras and its files. No secret is fetched for it. One that cannot be used is
     * FAILED_PRECONDITION with ERROR_REASON_CONFIG_INVALID, as for Reload.
     * </pre>
     */
    public io.hedgerow.admin.v1.PlanConfigResponse planConfig(io.hedgerow.admin.v1.PlanConfigRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getPlanConfigMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * RollbackConfig puts a configuration in force again that was in force before, by the way that a reload takes: the last
     * good one, or one of those that GetConfig tells of. It stays until the file says something else than it did, or a
     * reload is asked for; a restart reads the file. NOT_FOUND with ERROR_REASON_CONFIG_NOT_KEPT where there is none;
     * secrets that cannot be fetched are as for Reload. Each router has its own.
     * </pre>
     */
    public io.hedgerow.admin.v1.RollbackConfigResponse rollbackConfig(io.hedgerow.admin.v1.RollbackConfigRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getRollbackConfigMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * GetConfig tells which configuration is in force, and what came of the last reload; and to
     * which ones it can go back.
     * </pre>
     */
    public io.hedgerow.admin.v1.GetConfigResponse getConfig(io.hedgerow.admin.v1.GetConfigRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetConfigMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ListCandidates tells how every candidate of the routes has been doing: breakers, rests, latencies. Of names behind
     * "/&#42;" only those that were called are candidates yet.
     * </pre>
     */
    public io.hedgerow.admin.v1.ListCandidatesResponse listCandidates(io.hedgerow.admin.v1.ListCandidatesRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListCandidatesMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * SetKillSwitch switches a provider, a model or a tenant off, at once: for new calls, and for further attempts of
     * calls in flight. Attempts that are under way go on. What is off stays off over reloads, not over a restart. To
     * switch off what is off already replaces its reason.
     * </pre>
     */
    public io.hedgerow.admin.v1.SetKillSwitchResponse setKillSwitch(io.hedgerow.admin.v1.SetKillSwitchRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getSetKillSwitchMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ClearKillSwitch switches on again, at once.
     * </pre>
     */
    public io.hedgerow.admin.v1.ClearKillSwitchResponse clearKillSwitch(io.hedgerow.admin.v1.ClearKillSwitchRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getClearKillSwitchMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ListKillSwitches tells what is switched off.
     * </pre>
     */
    public io.hedgerow.admin.v1.ListKillSwitchesResponse listKillSwitches(io.hedgerow.admin.v1.ListKillSwitchesRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListKillSwitchesMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * CreateKey makes an API key. It is good at once here, and elsewhere as soon as the other routers have asked the store:
     * within a second by default. UNIMPLEMENTED where the configuration has no API keys, UNAVAILABLE with
     * ERROR_REASON_IDENTITY_UNAVAILABLE while the store is away; so are the other RPCs for keys.
     * </pre>
     */
    public io.hedgerow.admin.v1.CreateKeyResponse createKey(io.hedgerow.admin.v1.CreateKeyRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getCreateKeyMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ListKeys tells of the keys, never a key itself.
     * </pre>
     */
    public io.hedgerow.admin.v1.ListKeysResponse listKeys(io.hedgerow.admin.v1.ListKeysRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListKeysMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * GetKey tells of one key, never the key itself. NOT_FOUND with ERROR_REASON_KEY_NOT_FOUND for an unknown one, such as
     * one that ended so long ago that it was forgotten.
     * </pre>
     */
    public io.hedgerow.admin.v1.GetKeyResponse getKey(io.hedgerow.admin.v1.GetKeyRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetKeyMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * RotateKey makes a key with all that another one has, and lets that one end after an overlap. NOT_FOUND with
     * ERROR_REASON_KEY_NOT_FOUND for an unknown key, FAILED_PRECONDITION with ERROR_REASON_KEY_ENDED for one that has ended.
     * </pre>
     */
    public io.hedgerow.admin.v1.RotateKeyResponse rotateKey(io.hedgerow.admin.v1.RotateKeyRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getRotateKeyMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * RevokeKey ends a key: here at once, elsewhere as soon as the other routers have asked the store. Calls that are
     * under way go on. NOT_FOUND with ERROR_REASON_KEY_NOT_FOUND for an unknown key.
     * </pre>
     */
    public io.hedgerow.admin.v1.RevokeKeyResponse revokeKey(io.hedgerow.admin.v1.RevokeKeyRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getRevokeKeyMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ListAuditRows tells what operators have done. UNIMPLEMENTED where the configuration has no store; so is VerifyAudit.
     * </pre>
     */
    public io.hedgerow.admin.v1.ListAuditRowsResponse listAuditRows(io.hedgerow.admin.v1.ListAuditRowsRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListAuditRowsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * VerifyAudit reads all of the audit log and says whether it is what was written.
     * </pre>
     */
    public io.hedgerow.admin.v1.VerifyAuditResponse verifyAudit(io.hedgerow.admin.v1.VerifyAuditRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getVerifyAuditMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * EraseUser erases what is kept of a user. His API keys end, and they and the rows of the audit log lose what names
     * him: who he was goes, what was done stays, and VerifyAudit still holds. Once it has answered, what is kept of him in
     * databases, in Redis and in the memory of this router is gone. What other routers on the same store hold in memory goes
     * as soon as they have asked the store, as with RevokeKey: within `identity.api_keys.refresh_seconds` (without API keys
     * 1 s) and the time of a query, or that long after they can ask it again. For an hour no cache keeps anything new of him,
     * since calls may be under way. Lines that were logged elsewhere are not reached. UNAVAILABLE with
     * ERROR_REASON_IDENTITY_UNAVAILABLE where a store is away: some of it may be erased then. To call it again does no harm,
     * and finds what has come since.
     * </pre>
     */
    public io.hedgerow.admin.v1.EraseUserResponse eraseUser(io.hedgerow.admin.v1.EraseUserRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getEraseUserMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ListCredentials tells where the secrets for the providers come from, how old they are and how they are doing; never a
     * secret itself.
     * </pre>
     */
    public io.hedgerow.admin.v1.ListCredentialsResponse listCredentials(io.hedgerow.admin.v1.ListCredentialsRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListCredentialsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * RefreshCredential fetches a secret anew at once; calls use what comes from then on, and one that was set aside is
     * tried again with the next call. NOT_FOUND with ERROR_REASON_CREDENTIAL_NOT_FOUND for an unknown name; UNAVAILABLE with
     * ERROR_REASON_CREDENTIAL_UNAVAILABLE where the source has none: the last good secret then stays in use.
     * </pre>
     */
    public io.hedgerow.admin.v1.RefreshCredentialResponse refreshCredential(io.hedgerow.admin.v1.RefreshCredentialRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getRefreshCredentialMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service AdminService.
   * <pre>
   * AdminService is for operators: what a router is running on, how its candidates are doing, and what shall be off. It
   * is served on the admin port alone. What it tells and changes is this one process's: ask each replica.
   * </pre>
   */
  public static final class AdminServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<AdminServiceBlockingStub> {
    private AdminServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected AdminServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new AdminServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * Reload reads the configuration file again and puts what it says in force at once; calls in flight finish on what
     * they began with. A file that cannot be used changes nothing: FAILED_PRECONDITION with ERROR_REASON_CONFIG_INVALID,
     * and google.rpc.BadRequest says what is wrong where. A secret that cannot be fetched while the one in force can is
     * UNAVAILABLE with ERROR_REASON_CREDENTIAL_UNAVAILABLE, and changes nothing either. A reload that has begun goes on
     * when its caller leaves.
     * </pre>
     */
    public io.hedgerow.admin.v1.ReloadResponse reload(io.hedgerow.admin.v1.ReloadRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getReloadMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * PlanConfig tells what another configuration would change, and changes nothing. It is checked as a reload would check
     * it, on this router: with its extras and its files. No secret is fetched for it. One that cannot be used is
     * FAILED_PRECONDITION with ERROR_REASON_CONFIG_INVALID, as for Reload.
     * </pre>
     */
    public io.hedgerow.admin.v1.PlanConfigResponse planConfig(io.hedgerow.admin.v1.PlanConfigRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getPlanConfigMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * RollbackConfig puts a configuration in force again that was in force before, by the way that a reload takes: the last
     * good one, or one of those that GetConfig tells of. It stays until the file says something else than it did, or a
     * reload is asked for; a restart reads the file. NOT_FOUND with ERROR_REASON_CONFIG_NOT_KEPT where there is none;
     * secrets that cannot be fetched are as for Reload. Each router has its own.
     * </pre>
     */
    public io.hedgerow.admin.v1.RollbackConfigResponse rollbackConfig(io.hedgerow.admin.v1.RollbackConfigRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getRollbackConfigMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * GetConfig tells which configuration is in force, and what came of the last reload; and to
     * which ones it can go back.
     * </pre>
     */
    public io.hedgerow.admin.v1.GetConfigResponse getConfig(io.hedgerow.admin.v1.GetConfigRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetConfigMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ListCandidates tells how every candidate of the routes has been doing: breakers, rests, latencies. Of names behind
     * "/&#42;" only those that were called are candidates yet.
     * </pre>
     */
    public io.hedgerow.admin.v1.ListCandidatesResponse listCandidates(io.hedgerow.admin.v1.ListCandidatesRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListCandidatesMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * SetKillSwitch switches a provider, a model or a tenant off, at once: for new calls, and for further attempts of
     * calls in flight. Attempts that are under way go on. What is off stays off over reloads, not over a restart. To
     * switch off what is off already replaces its reason.
     * </pre>
     */
    public io.hedgerow.admin.v1.SetKillSwitchResponse setKillSwitch(io.hedgerow.admin.v1.SetKillSwitchRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getSetKillSwitchMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ClearKillSwitch switches on again, at once.
     * </pre>
     */
    public io.hedgerow.admin.v1.ClearKillSwitchResponse clearKillSwitch(io.hedgerow.admin.v1.ClearKillSwitchRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getClearKillSwitchMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ListKillSwitches tells what is switched off.
     * </pre>
     */
    public io.hedgerow.admin.v1.ListKillSwitchesResponse listKillSwitches(io.hedgerow.admin.v1.ListKillSwitchesRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListKillSwitchesMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * CreateKey makes an API key. It is good at once here, and elsewhere as soon as the other routers have asked the store:
     * within a second by default. UNIMPLEMENTED where the configuration has no API keys, UNAVAILABLE with
     * ERROR_REASON_IDENTITY_UNAVAILABLE while the store is away; so are the other RPCs for keys.
     * </pre>
     */
    public io.hedgerow.admin.v1.CreateKeyResponse createKey(io.hedgerow.admin.v1.CreateKeyRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getCreateKeyMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ListKeys tells of the keys, never a key itself.
     * </pre>
     */
    public io.hedgerow.admin.v1.ListKeysResponse listKeys(io.hedgerow.admin.v1.ListKeysRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListKeysMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * GetKey tells of one key, never the key itself. NOT_FOUND with ERROR_REASON_KEY_NOT_FOUND for an unknown one, such as
     * one that ended so long ago that it was forgotten.
     * </pre>
     */
    public io.hedgerow.admin.v1.GetKeyResponse getKey(io.hedgerow.admin.v1.GetKeyRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetKeyMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * RotateKey makes a key with all that another one has, and lets that one end after an overlap. NOT_FOUND with
     * ERROR_REASON_KEY_NOT_FOUND for an unknown key, FAILED_PRECONDITION with ERROR_REASON_KEY_ENDED for one that has ended.
     * </pre>
     */
    public io.hedgerow.admin.v1.RotateKeyResponse rotateKey(io.hedgerow.admin.v1.RotateKeyRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getRotateKeyMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * RevokeKey ends a key: here at once, elsewhere as soon as the other routers have asked the store. Calls that are
     * under way go on. NOT_FOUND with ERROR_REASON_KEY_NOT_FOUND for an unknown key.
     * </pre>
     */
    public io.hedgerow.admin.v1.RevokeKeyResponse revokeKey(io.hedgerow.admin.v1.RevokeKeyRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getRevokeKeyMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ListAuditRows tells what operators have done. UNIMPLEMENTED where the configuration has no store; so is VerifyAudit.
     * </pre>
     */
    public io.hedgerow.admin.v1.ListAuditRowsResponse listAuditRows(io.hedgerow.admin.v1.ListAuditRowsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListAuditRowsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * VerifyAudit reads all of the audit log and says whether it is what was written.
     * </pre>
     */
    public io.hedgerow.admin.v1.VerifyAuditResponse verifyAudit(io.hedgerow.admin.v1.VerifyAuditRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getVerifyAuditMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * EraseUser erases what is kept of a user. His API keys end, and they and the rows of the audit log lose what names
     * him: who he was goes, what was done stays, and VerifyAudit still holds. Once it has answered, what is kept of him in
     * databases, in Redis and in the memory of this router is gone. What other routers on the same store hold in memory goes
     * as soon as they have asked the store, as with RevokeKey: within `identity.api_keys.refresh_seconds` (without API keys
     * 1 s) and the time of a query, or that long after they can ask it again. For an hour no cache keeps anything new of him,
     * since calls may be under way. Lines that were logged elsewhere are not reached. UNAVAILABLE with
     * ERROR_REASON_IDENTITY_UNAVAILABLE where a store is away: some of it may be erased then. To call it again does no harm,
     * and finds what has come since.
     * </pre>
     */
    public io.hedgerow.admin.v1.EraseUserResponse eraseUser(io.hedgerow.admin.v1.EraseUserRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getEraseUserMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ListCredentials tells where the secrets for the providers come from, how old they are and how they are doing; never a
     * secret itself.
     * </pre>
     */
    public io.hedgerow.admin.v1.ListCredentialsResponse listCredentials(io.hedgerow.admin.v1.ListCredentialsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListCredentialsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * RefreshCredential fetches a secret anew at once; calls use what comes from then on, and one that was set aside is
     * tried again with the next call. NOT_FOUND with ERROR_REASON_CREDENTIAL_NOT_FOUND for an unknown name; UNAVAILABLE with
     * ERROR_REASON_CREDENTIAL_UNAVAILABLE where the source has none: the last good secret then stays in use.
     * </pre>
     */
    public io.hedgerow.admin.v1.RefreshCredentialResponse refreshCredential(io.hedgerow.admin.v1.RefreshCredentialRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getRefreshCredentialMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service AdminService.
   * <pre>
   * AdminService is for operators: what a router is running on, how its candidates are doing, and what shall be off. It
   * is served on the admin port alone. What it tells and changes is this one process's: ask each replica.
   * </pre>
   */
  public static final class AdminServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<AdminServiceFutureStub> {
    private AdminServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected AdminServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new AdminServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * Reload reads the configuration file again and puts what it says in force at once; calls in flight finish on what
     * they began with. A file that cannot be used changes nothing: FAILED_PRECONDITION with ERROR_REASON_CONFIG_INVALID,
     * and google.rpc.BadRequest says what is wrong where. A secret that cannot be fetched while the one in force can is
     * UNAVAILABLE with ERROR_REASON_CREDENTIAL_UNAVAILABLE, and changes nothing either. A reload that has begun goes on
     * when its caller leaves.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.hedgerow.admin.v1.ReloadResponse> reload(
        io.hedgerow.admin.v1.ReloadRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getReloadMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * PlanConfig tells what another configuration would change, and changes nothing. It is checked as a reload would check
     * it, on this router: with its extras and its files. No secret is fetched for it. One that cannot be used is
     * FAILED_PRECONDITION with ERROR_REASON_CONFIG_INVALID, as for Reload.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.hedgerow.admin.v1.PlanConfigResponse> planConfig(
        io.hedgerow.admin.v1.PlanConfigRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getPlanConfigMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * RollbackConfig puts a configuration in force again that was in force before, by the way that a reload takes: the last
     * good one, or one of those that GetConfig tells of. It stays until the file says something else than it did, or a
     * reload is asked for; a restart reads the file. NOT_FOUND with ERROR_REASON_CONFIG_NOT_KEPT where there is none;
     * secrets that cannot be fetched are as for Reload. Each router has its own.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.hedgerow.admin.v1.RollbackConfigResponse> rollbackConfig(
        io.hedgerow.admin.v1.RollbackConfigRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getRollbackConfigMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * GetConfig tells which configuration is in force, and what came of the last reload; and to
     * which ones it can go back.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.hedgerow.admin.v1.GetConfigResponse> getConfig(
        io.hedgerow.admin.v1.GetConfigRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetConfigMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * ListCandidates tells how every candidate of the routes has been doing: breakers, rests, latencies. Of names behind
     * "/&#42;" only those that were called are candidates yet.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.hedgerow.admin.v1.ListCandidatesResponse> listCandidates(
        io.hedgerow.admin.v1.ListCandidatesRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListCandidatesMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * SetKillSwitch switches a provider, a model or a tenant off, at once: for new calls, and for further attempts of
     * calls in flight. Attempts that are under way go on. What is off stays off over reloads, not over a restart. To
     * switch off what is off already replaces its reason.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.hedgerow.admin.v1.SetKillSwitchResponse> setKillSwitch(
        io.hedgerow.admin.v1.SetKillSwitchRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getSetKillSwitchMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * ClearKillSwitch switches on again, at once.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.hedgerow.admin.v1.ClearKillSwitchResponse> clearKillSwitch(
        io.hedgerow.admin.v1.ClearKillSwitchRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getClearKillSwitchMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * ListKillSwitches tells what is switched off.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.hedgerow.admin.v1.ListKillSwitchesResponse> listKillSwitches(
        io.hedgerow.admin.v1.ListKillSwitchesRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListKillSwitchesMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * CreateKey makes an API key. It is good at once here, and elsewhere as soon as the other routers have asked the store:
     * within a second by default. UNIMPLEMENTED where the configuration has no API keys, UNAVAILABLE with
     * ERROR_REASON_IDENTITY_UNAVAILABLE while the store is away; so are the other RPCs for keys.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.hedgerow.admin.v1.CreateKeyResponse> createKey(
        io.hedgerow.admin.v1.CreateKeyRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getCreateKeyMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * ListKeys tells of the keys, never a key itself.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.hedgerow.admin.v1.ListKeysResponse> listKeys(
        io.hedgerow.admin.v1.ListKeysRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListKeysMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * GetKey tells of one key, never the key itself. NOT_FOUND with ERROR_REASON_KEY_NOT_FOUND for an unknown one, such as
     * one that ended so long ago that it was forgotten.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.hedgerow.admin.v1.GetKeyResponse> getKey(
        io.hedgerow.admin.v1.GetKeyRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetKeyMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * RotateKey makes a key with all that another one has, and lets that one end after an overlap. NOT_FOUND with
     * ERROR_REASON_KEY_NOT_FOUND for an unknown key, FAILED_PRECONDITION with ERROR_REASON_KEY_ENDED for one that has ended.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.hedgerow.admin.v1.RotateKeyResponse> rotateKey(
        io.hedgerow.admin.v1.RotateKeyRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getRotateKeyMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * RevokeKey ends a key: here at once, elsewhere as soon as the other routers have asked the store. Calls that are
     * under way go on. NOT_FOUND with ERROR_REASON_KEY_NOT_FOUND for an unknown key.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.hedgerow.admin.v1.RevokeKeyResponse> revokeKey(
        io.hedgerow.admin.v1.RevokeKeyRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getRevokeKeyMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * ListAuditRows tells what operators have done. UNIMPLEMENTED where the configuration has no store; so is VerifyAudit.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.hedgerow.admin.v1.ListAuditRowsResponse> listAuditRows(
        io.hedgerow.admin.v1.ListAuditRowsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListAuditRowsMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * VerifyAudit reads all of the audit log and says whether it is what was written.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.hedgerow.admin.v1.VerifyAuditResponse> verifyAudit(
        io.hedgerow.admin.v1.VerifyAuditRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getVerifyAuditMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * EraseUser erases what is kept of a user. His API keys end, and they and the rows of the audit log lose what names
     * him: who he was goes, what was done stays, and VerifyAudit still holds. Once it has answered, what is kept of him in
     * databases, in Redis and in the memory of this router is gone. What other routers on the same store hold in memory goes
     * as soon as they have asked the store, as with RevokeKey: within `identity.api_keys.refresh_seconds` (without API keys
     * 1 s) and the time of a query, or that long after they can ask it again. For an hour no cache keeps anything new of him,
     * since calls may be under way. Lines that were logged elsewhere are not reached. UNAVAILABLE with
     * ERROR_REASON_IDENTITY_UNAVAILABLE where a store is away: some of it may be erased then. To call it again does no harm,
     * and finds what has come since.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.hedgerow.admin.v1.EraseUserResponse> eraseUser(
        io.hedgerow.admin.v1.EraseUserRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getEraseUserMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * ListCredentials tells where the secrets for the providers come from, how old they are and how they are doing; never a
     * secret itself.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.hedgerow.admin.v1.ListCredentialsResponse> listCredentials(
        io.hedgerow.admin.v1.ListCredentialsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListCredentialsMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * RefreshCredential fetches a secret anew at once; calls use what comes from then on, and one that was set aside is
     * tried again with the next call. NOT_FOUND with ERROR_REASON_CREDENTIAL_NOT_FOUND for an unknown name; UNAVAILABLE with
     * ERROR_REASON_CREDENTIAL_UNAVAILABLE where the source has none: the last good secret then stays in use.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.hedgerow.admin.v1.RefreshCredentialResponse> refreshCredential(
        io.hedgerow.admin.v1.RefreshCredentialRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getRefreshCredentialMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_RELOAD = 0;
  private static final int METHODID_PLAN_CONFIG = 1;
  private static final int METHODID_ROLLBACK_CONFIG = 2;
  private static final int METHODID_GET_CONFIG = 3;
  private static final int METHODID_LIST_CANDIDATES = 4;
  private static final int METHODID_SET_KILL_SWITCH = 5;
  private static final int METHODID_CLEAR_KILL_SWITCH = 6;
  private static final int METHODID_LIST_KILL_SWITCHES = 7;
  private static final int METHODID_CREATE_KEY = 8;
  private static final int METHODID_LIST_KEYS = 9;
  private static final int METHODID_GET_KEY = 10;
  private static final int METHODID_ROTATE_KEY = 11;
  private static final int METHODID_REVOKE_KEY = 12;
  private static final int METHODID_LIST_AUDIT_ROWS = 13;
  private static final int METHODID_VERIFY_AUDIT = 14;
  private static final int METHODID_ERASE_USER = 15;
  private static final int METHODID_LIST_CREDENTIALS = 16;
  private static final int METHODID_REFRESH_CREDENTIAL = 17;

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
        case METHODID_RELOAD:
          serviceImpl.reload((io.hedgerow.admin.v1.ReloadRequest) request,
              (io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.ReloadResponse>) responseObserver);
          break;
        case METHODID_PLAN_CONFIG:
          serviceImpl.planConfig((io.hedgerow.admin.v1.PlanConfigRequest) request,
              (io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.PlanConfigResponse>) responseObserver);
          break;
        case METHODID_ROLLBACK_CONFIG:
          serviceImpl.rollbackConfig((io.hedgerow.admin.v1.RollbackConfigRequest) request,
              (io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.RollbackConfigResponse>) responseObserver);
          break;
        case METHODID_GET_CONFIG:
          serviceImpl.getConfig((io.hedgerow.admin.v1.GetConfigRequest) request,
              (io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.GetConfigResponse>) responseObserver);
          break;
        case METHODID_LIST_CANDIDATES:
          serviceImpl.listCandidates((io.hedgerow.admin.v1.ListCandidatesRequest) request,
              (io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.ListCandidatesResponse>) responseObserver);
          break;
        case METHODID_SET_KILL_SWITCH:
          serviceImpl.setKillSwitch((io.hedgerow.admin.v1.SetKillSwitchRequest) request,
              (io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.SetKillSwitchResponse>) responseObserver);
          break;
        case METHODID_CLEAR_KILL_SWITCH:
          serviceImpl.clearKillSwitch((io.hedgerow.admin.v1.ClearKillSwitchRequest) request,
              (io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.ClearKillSwitchResponse>) responseObserver);
          break;
        case METHODID_LIST_KILL_SWITCHES:
          serviceImpl.listKillSwitches((io.hedgerow.admin.v1.ListKillSwitchesRequest) request,
              (io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.ListKillSwitchesResponse>) responseObserver);
          break;
        case METHODID_CREATE_KEY:
          serviceImpl.createKey((io.hedgerow.admin.v1.CreateKeyRequest) request,
              (io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.CreateKeyResponse>) responseObserver);
          break;
        case METHODID_LIST_KEYS:
          serviceImpl.listKeys((io.hedgerow.admin.v1.ListKeysRequest) request,
              (io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.ListKeysResponse>) responseObserver);
          break;
        case METHODID_GET_KEY:
          serviceImpl.getKey((io.hedgerow.admin.v1.GetKeyRequest) request,
              (io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.GetKeyResponse>) responseObserver);
          break;
        case METHODID_ROTATE_KEY:
          serviceImpl.rotateKey((io.hedgerow.admin.v1.RotateKeyRequest) request,
              (io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.RotateKeyResponse>) responseObserver);
          break;
        case METHODID_REVOKE_KEY:
          serviceImpl.revokeKey((io.hedgerow.admin.v1.RevokeKeyRequest) request,
              (io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.RevokeKeyResponse>) responseObserver);
          break;
        case METHODID_LIST_AUDIT_ROWS:
          serviceImpl.listAuditRows((io.hedgerow.admin.v1.ListAuditRowsRequest) request,
              (io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.ListAuditRowsResponse>) responseObserver);
          break;
        case METHODID_VERIFY_AUDIT:
          serviceImpl.verifyAudit((io.hedgerow.admin.v1.VerifyAuditRequest) request,
              (io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.VerifyAuditResponse>) responseObserver);
          break;
        case METHODID_ERASE_USER:
          serviceImpl.eraseUser((io.hedgerow.admin.v1.EraseUserRequest) request,
              (io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.EraseUserResponse>) responseObserver);
          break;
        case METHODID_LIST_CREDENTIALS:
          serviceImpl.listCredentials((io.hedgerow.admin.v1.ListCredentialsRequest) request,
              (io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.ListCredentialsResponse>) responseObserver);
          break;
        case METHODID_REFRESH_CREDENTIAL:
          serviceImpl.refreshCredential((io.hedgerow.admin.v1.RefreshCredentialRequest) request,
              (io.grpc.stub.StreamObserver<io.hedgerow.admin.v1.RefreshCredentialResponse>) responseObserver);
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
          getReloadMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.hedgerow.admin.v1.ReloadRequest,
              io.hedgerow.admin.v1.ReloadResponse>(
                service, METHODID_RELOAD)))
        .addMethod(
          getPlanConfigMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.hedgerow.admin.v1.PlanConfigRequest,
              io.hedgerow.admin.v1.PlanConfigResponse>(
                service, METHODID_PLAN_CONFIG)))
        .addMethod(
          getRollbackConfigMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.hedgerow.admin.v1.RollbackConfigRequest,
              io.hedgerow.admin.v1.RollbackConfigResponse>(
                service, METHODID_ROLLBACK_CONFIG)))
        .addMethod(
          getGetConfigMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.hedgerow.admin.v1.GetConfigRequest,
              io.hedgerow.admin.v1.GetConfigResponse>(
                service, METHODID_GET_CONFIG)))
        .addMethod(
          getListCandidatesMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.hedgerow.admin.v1.ListCandidatesRequest,
              io.hedgerow.admin.v1.ListCandidatesResponse>(
                service, METHODID_LIST_CANDIDATES)))
        .addMethod(
          getSetKillSwitchMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.hedgerow.admin.v1.SetKillSwitchRequest,
              io.hedgerow.admin.v1.SetKillSwitchResponse>(
                service, METHODID_SET_KILL_SWITCH)))
        .addMethod(
          getClearKillSwitchMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.hedgerow.admin.v1.ClearKillSwitchRequest,
              io.hedgerow.admin.v1.ClearKillSwitchResponse>(
                service, METHODID_CLEAR_KILL_SWITCH)))
        .addMethod(
          getListKillSwitchesMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.hedgerow.admin.v1.ListKillSwitchesRequest,
              io.hedgerow.admin.v1.ListKillSwitchesResponse>(
                service, METHODID_LIST_KILL_SWITCHES)))
        .addMethod(
          getCreateKeyMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.hedgerow.admin.v1.CreateKeyRequest,
              io.hedgerow.admin.v1.CreateKeyResponse>(
                service, METHODID_CREATE_KEY)))
        .addMethod(
          getListKeysMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.hedgerow.admin.v1.ListKeysRequest,
              io.hedgerow.admin.v1.ListKeysResponse>(
                service, METHODID_LIST_KEYS)))
        .addMethod(
          getGetKeyMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.hedgerow.admin.v1.GetKeyRequest,
              io.hedgerow.admin.v1.GetKeyResponse>(
                service, METHODID_GET_KEY)))
        .addMethod(
          getRotateKeyMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.hedgerow.admin.v1.RotateKeyRequest,
              io.hedgerow.admin.v1.RotateKeyResponse>(
                service, METHODID_ROTATE_KEY)))
        .addMethod(
          getRevokeKeyMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.hedgerow.admin.v1.RevokeKeyRequest,
              io.hedgerow.admin.v1.RevokeKeyResponse>(
                service, METHODID_REVOKE_KEY)))
        .addMethod(
          getListAuditRowsMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.hedgerow.admin.v1.ListAuditRowsRequest,
              io.hedgerow.admin.v1.ListAuditRowsResponse>(
                service, METHODID_LIST_AUDIT_ROWS)))
        .addMethod(
          getVerifyAuditMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.hedgerow.admin.v1.VerifyAuditRequest,
              io.hedgerow.admin.v1.VerifyAuditResponse>(
                service, METHODID_VERIFY_AUDIT)))
        .addMethod(
          getEraseUserMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.hedgerow.admin.v1.EraseUserRequest,
              io.hedgerow.admin.v1.EraseUserResponse>(
                service, METHODID_ERASE_USER)))
        .addMethod(
          getListCredentialsMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.hedgerow.admin.v1.ListCredentialsRequest,
              io.hedgerow.admin.v1.ListCredentialsResponse>(
                service, METHODID_LIST_CREDENTIALS)))
        .addMethod(
          getRefreshCredentialMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.hedgerow.admin.v1.RefreshCredentialRequest,
              io.hedgerow.admin.v1.RefreshCredentialResponse>(
                service, METHODID_REFRESH_CREDENTIAL)))
        .build();
  }

  private static abstract class AdminServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    AdminServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return io.hedgerow.admin.v1.AdminServiceProto.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("AdminService");
    }
  }

  private static final class AdminServiceFileDescriptorSupplier
      extends AdminServiceBaseDescriptorSupplier {
    AdminServiceFileDescriptorSupplier() {}
  }

  private static final class AdminServiceMethodDescriptorSupplier
      extends AdminServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    AdminServiceMethodDescriptorSupplier(java.lang.String methodName) {
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
      synchronized (AdminServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new AdminServiceFileDescriptorSupplier())
              .addMethod(getReloadMethod())
              .addMethod(getPlanConfigMethod())
              .addMethod(getRollbackConfigMethod())
              .addMethod(getGetConfigMethod())
              .addMethod(getListCandidatesMethod())
              .addMethod(getSetKillSwitchMethod())
              .addMethod(getClearKillSwitchMethod())
              .addMethod(getListKillSwitchesMethod())
              .addMethod(getCreateKeyMethod())
              .addMethod(getListKeysMethod())
              .addMethod(getGetKeyMethod())
              .addMethod(getRotateKeyMethod())
              .addMethod(getRevokeKeyMethod())
              .addMethod(getListAuditRowsMethod())
              .addMethod(getVerifyAuditMethod())
              .addMethod(getEraseUserMethod())
              .addMethod(getListCredentialsMethod())
              .addMethod(getRefreshCredentialMethod())
              .build();
        }
      }
    }
    return result;
  }
}
