"""SVG charts and picture grids."""
