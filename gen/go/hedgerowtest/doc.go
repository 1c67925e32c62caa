// Package hedgerowtest is a gateway for tests, the way [net/http/httptest] is a web server for them: it listens on
// loopback, asks no provider, and answers as the test has scripted.
//
//	func TestGuide(t *testing.T) {
//		server := hedgerowtest.NewServer(t)
//		server.Script(
//			hedgerowtest.Fault{Reason: client.ReasonOverloaded, RetryDelay: time.Millisecond},
//			hedgerowtest.Answer{Text: "In the Southern Ocean."},
//		)
//		guide := NewGuide(server.Chat())
//		…
//		asked := server.Requests()
//	}
//
// Four words do most of it, and mean the same in Hedgerow's packages for other languages:
//
//   - [Answer] is what a model says: text, reasoning, tool calls, JSON; in one piece or as the events of a stream.
//   - [Fault] is how a call fails, with the details, trailers and push-back of a real gateway: at once, after a part of an
//     answer, or never, because it stalls.
//   - [Recording] is a stream that was recorded from a real gateway, for example with grpcurl.
//   - [Server.Requests] are what was asked.
//
// The server keeps to the contract of a gateway: Started comes first and once, events are numbered without gaps, Completed
// comes last and once, the answer in one piece is what the events fold to, and every call ends with a request id and a
// report. Embeddings need no script: equal inputs have equal vectors. Models are listed by ListModels, and the health
// service says SERVING. RPCs that it does not have are UNIMPLEMENTED.
//
// It needs nothing but what package client needs, and a program that does not import it does not contain it.
package hedgerowtest
