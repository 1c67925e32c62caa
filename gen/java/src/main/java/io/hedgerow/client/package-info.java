/**
 * A thin helper around the generated stubs of Hedgerow, for what every caller needs and stubs do not give.
 *
 * <ul>
 *   <li>{@link io.hedgerow.client.HedgerowChannels} opens a channel with keepalive, health-checked round robin and the
 *       right retry policy.
 *   <li>{@link io.hedgerow.client.HedgerowClient} makes the calls and throws
 *       {@link io.hedgerow.client.HedgerowException}.
 *   <li>{@link io.hedgerow.client.ChatStream} is a streamed answer as an {@link java.lang.Iterable}, and folded by
 *       {@link io.hedgerow.client.ChatFold} into the answer that a unary call gives.
 *   <li>{@link io.hedgerow.client.HedgerowClient#publish} gives the same events as a
 *       {@link java.util.concurrent.Flow.Publisher}.
 *   <li>{@link io.hedgerow.client.HedgerowClient#decode} reads an answer into a class, and
 *       {@link io.hedgerow.client.Answers} its text; both tell a refused or cut answer from a whole one.
 *   <li>{@link io.hedgerow.client.EmbedStream} embeds any number of inputs.
 * </ul>
 *
 * <p>The stubs stay usable beside it: the channel is an ordinary one, and {@code HedgerowException.from} reads the
 * details of an error that a stub threw.
 */
package io.hedgerow.client;
