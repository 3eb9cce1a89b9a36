"""Documents that the portal makes: what goes on paper."""
