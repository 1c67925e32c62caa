package client

import (
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	commonv1 "hedgerow.internal/gen/go/hedgerow/common/v1"
)

const (
	requestIDTrailer = "x-request-id"
	reportTrailer    = "hedgerow-report-bin"
	pushbackTrailer  = "grpc-retry-pushback-ms"
)

// RequestID is the id of the call in its trailers, which finds it in the gateway's log. Empty when there is none.
//
// The option [google.golang.org/grpc.Trailer] fetches the trailers of a call that succeeds; those of a failed one are in
// its [Error].
func RequestID(trailer metadata.MD) string {
	if ids := trailer.Get(requestIDTrailer); len(ids) > 0 {
		return ids[0]
	}
	return ""
}

// Report is what the trailers tell of the call: attempts, usage, cost. Nil when they hold no report that can be read.
func Report(trailer metadata.MD) *commonv1.CallReport {
	raw := trailer.Get(reportTrailer)
	if len(raw) == 0 {
		return nil
	}
	report := &commonv1.CallReport{}
	if err := proto.Unmarshal([]byte(raw[0]), report); err != nil {
		return nil
	}
	return report
}
