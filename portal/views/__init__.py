"""What templates need, made of what the store gives (pure): no request, no clock, no database."""
