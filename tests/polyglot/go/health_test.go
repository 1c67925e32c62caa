package polyglot

import (
	"testing"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
	embedv1 "hedgerow.internal/gen/go/hedgerow/embed/v1"
	routerv1 "hedgerow.internal/gen/go/hedgerow/router/v1"
)

func TestTheServerAndEachServiceAreServing(t *testing.T) {
	stub := healthpb.NewHealthClient(dial(t))
	for _, service := range []string{
		"",
		chatv1.ChatService_ServiceDesc.ServiceName,
		embedv1.EmbedService_ServiceDesc.ServiceName,
		routerv1.RouterService_ServiceDesc.ServiceName,
	} {
		answer, err := stub.Check(bounded(t), &healthpb.HealthCheckRequest{Service: service})
		if err != nil || answer.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("%q: got %v, %v; want SERVING", service, answer, err)
		}
	}
}

func TestTheHealthOfAnUnknownServiceIsNotFound(t *testing.T) {
	_, err := healthpb.NewHealthClient(dial(t)).Check(bounded(t), &healthpb.HealthCheckRequest{Service: "hedgerow.x.v1.X"})
	if status.Code(err) != codes.NotFound {
		t.Fatalf("got %v, want NOT_FOUND", err)
	}
}

// TestHealthCanBeWatched is what the connection's own round robin relies on.
func TestHealthCanBeWatched(t *testing.T) {
	watch, err := healthpb.NewHealthClient(dial(t)).Watch(bounded(t), &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	first, err := watch.Recv()
	if err != nil || first.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Fatalf("got %v, %v; want SERVING", first, err)
	}
}
