"""Plugins: discovery, options, identity, context, weights, and what is missing."""
