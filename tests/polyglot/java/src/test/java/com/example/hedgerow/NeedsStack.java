package com.example.hedgerow;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;

/** Skips the tests of a class unless the environment names a router and a simulator. */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@EnabledIfEnvironmentVariable(
    named = "HEDGEROW_TEST_TARGET",
    matches = ".+",
    disabledReason = "HEDGEROW_TEST_TARGET names no router: run these tests with scripts/test polyglot")
@EnabledIfEnvironmentVariable(
    named = "HEDGEROW_TEST_SIM",
    matches = ".+",
    disabledReason = "HEDGEROW_TEST_SIM names no simulator: run these tests with scripts/test polyglot")
@interface NeedsStack {}
