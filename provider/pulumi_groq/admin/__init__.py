"""The admin API's client: the only room that knows its URLs and status codes."""
