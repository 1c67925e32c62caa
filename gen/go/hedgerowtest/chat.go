package hedgerowtest

import (
	"context"
	"fmt"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
)

type chatService struct {
	chatv1.UnimplementedChatServiceServer
	server *Server
}

func (c *chatService) Complete(ctx context.Context, request *chatv1.CompleteRequest) (*chatv1.CompleteResponse, error) {
	s, call := c.server, callOf(ctx)
	noted := call.note(func(r *Request) {
		r.Message, r.Chat, r.Route, r.Labels = request, request.GetChat(), request.GetRoute(), request.GetLabels()
	})
	plan, err := s.chatPlan(noted)
	if err != nil {
		return nil, err
	}
	if err := s.pause(ctx, plan.wait(0, len(plan.events))); err != nil {
		return nil, err
	}
	if plan.fault != nil {
		return nil, plan.fault.happen(ctx, s, call, trailers(ctx), false)
	}
	answer, err := plan.answer()
	if err != nil {
		return nil, err
	}
	trailers(ctx)(reportTrailers(noted.ID, answer.GetAttempts(), answer.GetUsage(), answer.CostPicos))
	return answer, nil
}

func (c *chatService) StreamComplete(request *chatv1.StreamCompleteRequest,
	stream grpc.ServerStreamingServer[chatv1.StreamCompleteResponse],
) error {
	s, call := c.server, callOf(stream.Context())
	noted := call.note(func(r *Request) {
		r.Message, r.Chat, r.Route, r.Labels = request, request.GetChat(), request.GetRoute(), request.GetLabels()
	})
	plan, err := s.chatPlan(noted)
	if err != nil {
		return err
	}
	for i, event := range plan.events {
		if err := s.pause(stream.Context(), plan.wait(i, i+1)); err != nil {
			return err
		}
		if err := stream.Send(event); err != nil {
			return err
		}
	}
	if plan.fault != nil {
		return plan.fault.happen(stream.Context(), s, call, stream.SetTrailer, true)
	}
	done := plan.events[len(plan.events)-1].GetCompleted()
	stream.SetTrailer(reportTrailers(noted.ID, done.GetAttempts(), done.GetUsage(), done.CostPicos))
	return nil
}

// chatPlan is what the script has for a call. A request that a gateway would refuse takes nothing from the script.
func (s *Server) chatPlan(request Request) (*plan, error) {
	if refusal := s.refuseChat(request.Chat); refusal != nil {
		return refusal.plan(request)
	}
	s.mu.Lock()
	reply, ok := s.chat.next(request.Chat.GetModel())
	s.mu.Unlock()
	if function, isFunc := reply.(Func); ok && isFunc {
		reply = function(request)
		ok = reply != nil
	}
	var made *plan
	var err error
	switch r := reply.(type) {
	case Answer:
		made, err = r.plan(request)
	case Fault:
		made, err = r.plan(request)
	case Recording:
		made, err = r.plan(request)
	default:
		err = fmt.Errorf("nothing is scripted for a call of the model %q", request.Chat.GetModel())
		if ok {
			err = fmt.Errorf("a Func cannot reply with a %T", reply)
		}
	}
	if _, recorded := reply.(Recording); err == nil && !recorded {
		err = made.number()
	}
	if err != nil {
		return nil, s.mistake(request, err)
	}
	return made, nil
}

// mistake is the status of a call that the test has not provided for, and makes the test fail.
func (s *Server) mistake(request Request, err error) error {
	s.complain("hedgerowtest: %s, %s: %v", request.Method, request.ID, err)
	return status.Errorf(codes.Internal, "hedgerowtest: %v", err)
}

// refuseChat is the refusal of a request that no gateway would take; nil for any other.
func (s *Server) refuseChat(chat *chatv1.ChatSpec) *Fault {
	switch {
	case chat == nil:
		return invalid("chat", "is required")
	case chat.GetModel() == "":
		return invalid("chat.model", "is required")
	case len(chat.GetMessages()) == 0:
		return invalid("chat.messages", "must have at least 1 item")
	case s.settings.chatModels != nil && !slices.Contains(s.settings.chatModels, chat.GetModel()):
		return modelNotFound(chat.GetModel())
	}
	for i, message := range chat.GetMessages() {
		at := fmt.Sprintf("chat.messages[%d]", i)
		if message.GetRole() == chatv1.Role_ROLE_UNSPECIFIED {
			return invalid(at+".role", "is required")
		}
		if len(message.GetContent()) == 0 && message.GetRole() != chatv1.Role_ROLE_ASSISTANT {
			return invalid(at+".content", "must have at least 1 item")
		}
	}
	return nil
}
