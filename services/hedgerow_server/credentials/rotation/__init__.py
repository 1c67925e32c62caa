"""Keys that are replaced in time: the next one obtained, probed and put in force, the old one retired."""
