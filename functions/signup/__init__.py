"""Sign-ups and enquiries, and the confirmation that makes accounts of them."""
