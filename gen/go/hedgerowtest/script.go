package hedgerowtest

import "slices"

// Reply is what becomes of chat calls: an [Answer], a [Fault] or a [Recording] of one call, or of several where it says
// Times or Always, and a [Func] of all further calls.
type Reply interface {
	chatReply()
	counted
}

// EmbedReply is what becomes of an Embed or StreamEmbed call: [Vectors] or a [Fault].
type EmbedReply interface {
	embedReply()
	counted
}

// counted says to how many calls something replies.
type counted interface{ calls() times }

// times is a number of calls less one, so that its zero is one call; negative for all further calls.
type times int

const always times = -1

func (t times) calls() times { return t }

// Func replies to all further calls by their requests. Several calls at once run it at once.
type Func func(request Request) Reply

func (Func) calls() times { return always }

func (Answer) chatReply()    {}
func (Fault) chatReply()     {}
func (Recording) chatReply() {}
func (Func) chatReply()      {}

func (Fault) embedReply()   {}
func (Vectors) embedReply() {}

// Times is the answer to n calls, at least 1.
func (a Answer) Times(n int) Answer { a.times = nth(n); return a }

// Always is the answer to all further calls.
func (a Answer) Always() Answer { a.times = always; return a }

// Times is the failure of n calls, at least 1: Script(fault.Times(2), answer) is two failures and then a success.
func (f Fault) Times(n int) Fault { f.times = nth(n); return f }

// Always is the failure of all further calls.
func (f Fault) Always() Fault { f.times = always; return f }

// Times is the recording for n calls, at least 1.
func (r Recording) Times(n int) Recording { r.times = nth(n); return r }

// Always is the recording for all further calls.
func (r Recording) Always() Recording { r.times = always; return r }

// Times is the reply to n calls, at least 1.
func (v Vectors) Times(n int) Vectors { v.times = nth(n); return v }

// Always is the reply to all further calls.
func (v Vectors) Always() Vectors { v.times = always; return v }

func nth(n int) times {
	if n < 1 {
		panic("hedgerowtest: a reply is for at least 1 call")
	}
	return times(n - 1)
}

// script is what is to come, for each model that has a script of its own and for "", which is any.
type script[R counted] struct{ queues map[string][]*entry[R] }

type entry[R counted] struct {
	reply R
	more  times
}

func (s *script[R]) add(model string, replies []R) {
	if s.queues == nil {
		s.queues = make(map[string][]*entry[R])
	}
	for _, reply := range replies {
		s.queues[model] = append(s.queues[model], &entry[R]{reply, reply.calls()})
	}
}

// next takes the reply to the next call for a model.
func (s *script[R]) next(model string) (reply R, ok bool) {
	for _, name := range []string{model, ""} {
		queue := s.queues[name]
		if len(queue) == 0 {
			continue
		}
		first := queue[0]
		switch {
		case first.more == 0:
			s.queues[name] = slices.Delete(queue, 0, 1)
		case first.more > 0:
			first.more--
		}
		return first.reply, true
	}
	return reply, false
}

func (s *script[R]) remaining() (n int) {
	for _, queue := range s.queues {
		for _, e := range queue {
			n += int(e.more) + 1 // none for always
		}
	}
	return n
}

// Script adds replies to chat calls, which take them in the order in which they come, whether they ask for a stream or
// not. A connection of [client.Dial] tries an UNAVAILABLE call a second time where the fault allows it; that is a call too.
func (s *Server) Script(replies ...Reply) { s.ScriptFor("", replies...) }

// ScriptFor is [Server.Script] for the calls that name this model: they take from it first.
func (s *Server) ScriptFor(model string, replies ...Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.chat.add(model, replies)
}

// ScriptEmbed adds replies to Embed and StreamEmbed calls. Those beyond the script get vectors of the server's own.
func (s *Server) ScriptEmbed(replies ...EmbedReply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.embed.add("", replies)
}

// Remaining is how many calls the script still has replies for, without those for all further calls.
func (s *Server) Remaining() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.chat.remaining() + s.embed.remaining()
}
