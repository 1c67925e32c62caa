/**
 * A client of the gateway for Spring Boot: with {@code hedgerow.target} set there is a
 * {@link io.hedgerow.client.HedgerowClient} to inject. See {@link io.hedgerow.spring.HedgerowProperties} for the rest.
 */
package io.hedgerow.spring;
