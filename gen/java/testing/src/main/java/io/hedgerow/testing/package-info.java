/**
 * A gateway for the tests of programs that use Hedgerow, in the process of the test: no network, no keys, no cost.
 *
 * <ul>
 *   <li>{@link io.hedgerow.testing.FakeGateway} serves the chat, embedding and model calls, and keeps what it was
 *       asked.
 *   <li>{@link io.hedgerow.testing.Answer} is what it says to one chat: text, tool calls, a recorded stream, and how
 *       that ends: well, with a fault, cut, never.
 *   <li>{@link io.hedgerow.testing.Fault} is a failure with all the details that the gateway gives.
 * </ul>
 *
 * <p>It keeps the contract so that tests cannot pass on what no gateway would send: every stream begins with
 * {@code Started}, is numbered without gaps, and a whole one ends with {@code Completed}.
 */
package io.hedgerow.testing;
