"""`make openapi`: write docs/openapi.json anew."""

from openapi.document import PUBLISHED, written


def main() -> None:
    """Write the document."""
    PUBLISHED.write_text(written(), "utf-8")


if __name__ == "__main__":
    main()
