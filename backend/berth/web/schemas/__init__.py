"""Shapes of requests and answers. JSON names are camelCase; units are in the descriptions."""
