package io.hedgerow.client;

import io.hedgerow.chat.v1.CompleteResponse;

/**
 * An answer that was read into a class.
 *
 * @param value what the model said
 * @param answer the answer as it came, with its usage and its cost
 * @param <T> the class
 */
public record Decoded<T>(T value, CompleteResponse answer) {}
