"""The choice about cookies: kept in the visitor's browser, counted here, tied to nobody."""
