"""From a frame of a stream to committed rows and a receipt."""
