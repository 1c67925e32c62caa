/**
 * The gateway as models of LangChain4j: {@link io.hedgerow.langchain4j.HedgerowChatModel} and
 * {@link io.hedgerow.langchain4j.HedgerowStreamingChatModel}. Messages with images, audio and PDF files, tools, tool
 * choice, JSON and JSON Schema answers, reasoning, usage and finish reasons go through; failures are those that
 * LangChain4j knows, with the {@link io.hedgerow.client.HedgerowException} as their cause.
 */
package io.hedgerow.langchain4j;
