"""The ASGI door: an application for any ASGI server, by itself or mounted in another one."""
