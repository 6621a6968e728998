"""What knows where a customer database's content lies: records in DynamoDB, sealed, and files in S3, in its region."""

from privacy.hosting.host import Host, Names, hosts

__all__ = ["Host", "Names", "hosts"]
