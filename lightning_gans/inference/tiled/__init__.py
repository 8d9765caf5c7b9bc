"""Images of any size, translated in windows."""
