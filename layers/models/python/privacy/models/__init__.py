"""Pure models and rules: what a request, a row or a visit holds. No AWS, no web framework, no environment."""
