"""Configuration: typed sections, one YAML file in, one good error out. Rooms declare their own sections."""
