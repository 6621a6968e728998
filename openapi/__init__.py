"""The published interface: OpenAPI 3.1, put together from the routes, the forms and what is declared beside them."""
