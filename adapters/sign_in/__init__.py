"""Who vouches for people: OpenID Connect issuers, and four that speak something like it.

Each plays `application.identities.SignInProvider`. The protocol is Authlib's, the check of
ID tokens Authlib's and joserfc's, and every byte goes through `checked_transport`.
"""
