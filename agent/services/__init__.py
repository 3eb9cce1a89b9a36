"""The agent as a service of the operating system: systemd on Linux, the service manager on Windows.

What is to be done is a plan (:mod:`agent.services.plan`), made by a pure function per system and carried out in one place.
"""
