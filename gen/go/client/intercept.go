package client

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// typedUnary makes unary calls fail with an *Error.
func typedUnary(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn,
	invoke grpc.UnaryInvoker, options ...grpc.CallOption,
) error {
	var trailer metadata.MD
	err := invoke(ctx, method, request, reply, conn, append(options, grpc.Trailer(&trailer))...)
	return FromError(err, trailer)
}

// typedStream makes streaming calls fail with an *Error.
func typedStream(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string,
	open grpc.Streamer, options ...grpc.CallOption,
) (grpc.ClientStream, error) {
	stream, err := open(ctx, desc, conn, method, options...)
	if err != nil {
		return nil, FromError(err, nil)
	}
	return typedErrors{stream}, nil
}

// typedErrors is a stream whose errors are *Error, except io.EOF.
type typedErrors struct{ grpc.ClientStream }

func (s typedErrors) Header() (metadata.MD, error) {
	header, err := s.ClientStream.Header()
	return header, FromError(err, nil)
}

func (s typedErrors) CloseSend() error { return FromError(s.ClientStream.CloseSend(), nil) }

func (s typedErrors) SendMsg(message any) error {
	return FromError(s.ClientStream.SendMsg(message), nil)
}

func (s typedErrors) RecvMsg(message any) error {
	err := s.ClientStream.RecvMsg(message)
	if err == nil {
		return nil // trailers may only be read after an error
	}
	return FromError(err, s.Trailer())
}
