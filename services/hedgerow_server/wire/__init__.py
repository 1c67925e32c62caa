"""Between the contract's messages and the core types: the only room that knows the generated code."""
