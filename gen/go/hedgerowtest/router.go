package hedgerowtest

import (
	"cmp"
	"context"
	"slices"
	"strings"

	routerv1 "hedgerow.internal/gen/go/hedgerow/router/v1"
)

const defaultPage = 100

type routerService struct {
	routerv1.UnimplementedRouterServiceServer
	server *Server
}

// ListModels lists the models that the options name.
func (r *routerService) ListModels(ctx context.Context, request *routerv1.ListModelsRequest) (*routerv1.ListModelsResponse, error) {
	noted := callOf(ctx).note(func(r *Request) { r.Message = request })
	models := slices.DeleteFunc(r.server.models(), func(m *routerv1.Model) bool {
		otherKind := request.GetKind() != routerv1.ModelKind_MODEL_KIND_UNSPECIFIED && request.GetKind() != m.GetKind()
		return otherKind || cmp.Or(request.GetProvider(), fakeProvider) != fakeProvider
	})
	begin := 0
	if token := request.GetPageToken(); token != "" { // the token is the name that the page begins with
		begin = slices.IndexFunc(models, func(m *routerv1.Model) bool { return m.GetName() == token })
		if begin < 0 {
			return nil, invalid("page_token", "is not one of this list").fail(trailers(ctx), noted.ID)
		}
	}
	end := min(begin+cmp.Or(int(request.GetPageSize()), defaultPage), len(models))
	answer := &routerv1.ListModelsResponse{Models: models[begin:end]}
	if end < len(models) {
		answer.NextPageToken = models[end].GetName()
	}
	trailers(ctx)(reportTrailers(noted.ID, nil, nil, nil))
	return answer, nil
}

func (s *Server) models() []*routerv1.Model {
	var models []*routerv1.Model
	add := func(kind routerv1.ModelKind, names []string) {
		for _, name := range names {
			models = append(models, &routerv1.Model{
				Name: name, Kind: kind, Candidates: []*routerv1.Candidate{{Provider: fakeProvider, Model: name}},
			})
		}
	}
	add(routerv1.ModelKind_MODEL_KIND_CHAT, s.settings.chatModels)
	add(routerv1.ModelKind_MODEL_KIND_EMBED, s.settings.embedModels)
	slices.SortFunc(models, func(a, b *routerv1.Model) int { return strings.Compare(a.GetName(), b.GetName()) })
	return models
}

func (r *routerService) EstimateCost(ctx context.Context, _ *routerv1.EstimateCostRequest) (*routerv1.EstimateCostResponse, error) {
	return nil, lacking(ctx, routerv1.RouterService_EstimateCost_FullMethodName)
}

func (r *routerService) ExplainRoute(ctx context.Context, _ *routerv1.ExplainRouteRequest) (*routerv1.ExplainRouteResponse, error) {
	return nil, lacking(ctx, routerv1.RouterService_ExplainRoute_FullMethodName)
}

func (r *routerService) CountTokens(ctx context.Context, _ *routerv1.CountTokensRequest) (*routerv1.CountTokensResponse, error) {
	return nil, lacking(ctx, routerv1.RouterService_CountTokens_FullMethodName)
}

func lacking(ctx context.Context, method string) error {
	return unimplemented(method).fail(trailers(ctx), callOf(ctx).request.ID)
}
