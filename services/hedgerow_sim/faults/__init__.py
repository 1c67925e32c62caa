"""The faults a provider can show, by kind; ``behaviours`` lists them all."""
