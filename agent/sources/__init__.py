"""NetSchool's database in its engines, behind one port: :class:`agent.sources.base.Source`."""
