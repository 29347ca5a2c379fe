"""What every room stands on: registry, config, errors, paths, files, settings. Knows neither Qt nor torch."""
