"""Fact files: YAML-LD or Turtle in, quads with their places out."""
