"""Recipes: published programs as data files, and their environments on this machine."""
