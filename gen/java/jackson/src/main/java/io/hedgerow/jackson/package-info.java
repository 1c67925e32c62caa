/**
 * Structured answers by Jackson: with this artefact on the class path {@code HedgerowClient.decode} makes JSON Schemas
 * of records and classes and reads answers into them.
 */
package io.hedgerow.jackson;
