package com.example.hedgerow;

import static org.junit.jupiter.api.Assertions.assertNotNull;

import io.hedgerow.client.HedgerowClient;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ArtefactTest {
  @ParameterizedTest
  @ValueSource(
      strings = {"hedgerow/chat/v1/chat_service.proto", "hedgerow/embed/v1/embed_service.proto",
        "hedgerow/errors/v1/error_reason.proto"})
  void theContractIsInTheJar(String path) {
    assertNotNull(HedgerowClient.class.getClassLoader().getResource(path), path);
  }
}
