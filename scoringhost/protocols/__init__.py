"""Wire dialects without I/O: from an HttpRequest to an HttpResponse."""
